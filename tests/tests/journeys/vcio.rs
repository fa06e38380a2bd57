//! The `vcio` module of the image and the agent's mailbox code, on a board of QEMU's whose mailbox is real: `raspi3b`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use system_tests::{Fixture, JourneyError};
use tayberry::image_file;
use tayberry::tools::execute;
use tayberry_firmware::{Board, ResetState};
use tayberry_format::cpio::Archive;
use tayberry_format::layout;
use tayberry_format::slot::Slot;

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The board's own reset ends QEMU.
const RUN: Duration = Duration::from_secs(180);
const MAX_KERNEL: u64 = 256 << 20;

/// The test system: kernel, modules and device tree of one build.
struct System {
    folder: tempfile::TempDir,
    tree: PathBuf,
    release: String,
}

impl System {
    /// Takes kernel and root file system out of the image.
    fn unpack(fixture: &Fixture) -> Result<Self, JourneyError> {
        let folder = fixture.folder()?;
        let disk = folder.path().join("disk.img");
        image_file::unpack(&fixture.image, &disk, &|_| {}).map_err(failed)?;
        let opened = std::fs::File::open(&disk)?;
        let boot =
            tayberry_firmware::boot(&opened, &Board::default(), &ResetState::default()).map_err(failed)?;
        let kernel = boot.read(&opened, &boot.kernel, MAX_KERNEL).map_err(failed)?;
        std::fs::write(folder.path().join("kernel"), kernel)?;
        let tree = folder.path().join("tree");
        let mut extract = fixture.tools.command("fsck.erofs");
        extract.arg("--no-preserve").arg(format!("--extract={}", tree.display()));
        extract.arg(format!("--offset={}", layout::system(Slot::A).start)).arg(&disk);
        execute(&mut extract).map_err(failed)?;
        let mut modules = std::fs::read_dir(tree.join("usr/lib/modules"))?;
        let release = modules.next().ok_or_else(|| failed("no kernel modules"))??.file_name();
        Ok(Self { release: release.to_string_lossy().into_owned(), tree, folder })
    }

    fn module(&self, path: &str) -> Result<Vec<u8>, JourneyError> {
        Ok(std::fs::read(self.tree.join("usr/lib/modules").join(&self.release).join(path))?)
    }

    /// An initramfs of the probe and the two modules.
    fn initramfs(&self, probe: &Path) -> Result<PathBuf, JourneyError> {
        let mut archive = Archive::default();
        archive.console();
        archive.folder("dev");
        archive.file("init", 0o755, &std::fs::read(probe)?);
        archive.file("vcio.ko", 0o644, &self.module("extra/vcio.ko")?);
        archive.file("bcm2835_wdt.ko", 0o644, &self.module("kernel/drivers/watchdog/bcm2835_wdt.ko")?);
        let path = self.folder.path().join("initramfs");
        std::fs::write(&path, archive.finish())?;
        Ok(path)
    }

    /// Boots until the board resets itself; the console's words, and what QEMU's firmware did not know.
    async fn run(&self, fixture: &Fixture, initramfs: &Path) -> Result<(String, String), JourneyError> {
        let (console, log) = (self.folder.path().join("console"), self.folder.path().join("qemu.log"));
        let device_tree = format!("usr/lib/modules/{}/dtb/broadcom/bcm2837-rpi-3-b.dtb", self.release);
        let mut qemu = fixture.tools.command("qemu-system-aarch64");
        qemu.args(["-M", "raspi3b", "-display", "none", "-monitor", "none", "-no-reboot", "-L"]);
        qemu.arg(fixture.tools.root().join("usr/share/qemu"));
        qemu.arg("-kernel").arg(self.folder.path().join("kernel")).arg("-initrd").arg(initramfs);
        qemu.arg("-dtb").arg(fixture.tools.root().join(device_tree));
        // The second serial port is the mini UART, ttyS1.
        qemu.args(["-append", "console=ttyS1,115200 rdinit=/init panic=-1 loglevel=4", "-serial", "null"]);
        qemu.arg("-serial").arg(format!("file:{}", console.display()));
        qemu.args(["-d", "unimp", "-D"]).arg(&log);
        qemu.stdout(Stdio::null());
        let mut child = tokio::process::Command::from(qemu).spawn()?;
        if let Ok(ended) = tokio::time::timeout(RUN, child.wait()).await {
            ended?;
        } else {
            child.kill().await?;
        }
        let read = |path| Ok::<_, JourneyError>(String::from_utf8_lossy(&std::fs::read(path)?).into_owned());
        Ok((read(console)?, read(log)?))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: impl ToString) -> JourneyError {
    JourneyError::Failed(error.to_string())
}

/// Compiles the probe with the compilers of the lock, for any arm64 processor.
fn probe(fixture: &Fixture) -> Result<PathBuf, JourneyError> {
    let tools = &fixture.tools;
    let target = fixture.paths.cache.join("target").join(tools.root().file_name().unwrap_or_default());
    let target = target.join("probe");
    let gcc = tools.path("aarch64-linux-gnu-gcc-14");
    let sysroot = format!("--sysroot={}", tools.root().display());
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&fixture.paths.project).env_remove("RUSTFLAGS").env_remove("RUSTC_WRAPPER");
    command.args(["build", "--quiet", "--locked", "--package", "mailbox-probe", "--target", TARGET]);
    command.arg("--target-dir").arg(&target).env("RUSTC", tools.path("rustc"));
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", gcc);
    let flags = format!("-C link-arg={sysroot} -C target-feature=+crt-static");
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", flags);
    execute(&mut command).map_err(failed)?;
    Ok(target.join(TARGET).join("debug/mailbox-probe"))
}

/// Revision and temperature come from the firmware through our module; the try-once flag reaches it.
#[tokio::test]
#[ignore = "another board; needs a module that only changes with the kernel: scripts/test full"]
async fn vcio_reaches_a_real_mailbox() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let system = System::unpack(&fixture)?;
    let initramfs = system.initramfs(&probe(&fixture)?)?;
    let (console, log) = system.run(&fixture, &initramfs).await?;
    for words in ["probe: revision 0xa02082", "probe: temperature 25.000", "probe: end"] {
        assert!(console.contains(words), "no {words:?}\n{console}");
    }
    // QEMU's firmware says that it got the tag and does not know it; the agent refuses to believe in the flag.
    let tag = format!("{:#010x}", tayberry_format::property::tag::SET_REBOOT_FLAGS);
    assert!(log.contains(&format!("bcm2835_property: unhandled tag {tag}")), "{log}");
    let refused = format!("probe: try-once: the firmware does not know tag {tag}");
    assert!(console.contains(&refused), "no {refused:?}\n{console}");
    Ok(())
}
