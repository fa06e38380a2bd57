//! The initramfs that Debian would make for the same kernel and the same packages: initramfs-tools as it is installed by
//! default, with a script that opens dm-verity. It runs where it would run: on the device, here the virtual one.
//!
//! It does less than ours: no data partition, no watchdog, no look at which disk the firmware booted.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use system_tests::device::Device;
use system_tests::{Fixture, JourneyError};
use tayberry::build::tree::Tree;
use tayberry::build::trim::Trim;
use tayberry::build::{erofs, modules};
use tayberry::emulate::board::Drive;
use tayberry::emulate::disk::DISK_BYTES;
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Section};
use tayberry::ui::{Mode, Ui};
use tayberry_firmware::Medium;
use tayberry_format::boot_report::{BootReport, Data};
use tayberry_format::layout::{self, HASH_OFFSET, MIB, SECTOR};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, RootHash};

use crate::{debian, failed};

/// initramfs-tools, what it packs when it is there, and the essential packages, which nothing depends on by name (Debian
/// policy 3.8).
const PACKAGES: [&str; 24] = [
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "busybox",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "dmsetup",
    "dpkg",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "initramfs-tools",
    "libc-bin",
    "mawk",
    "ncurses-bin",
    "sed",
    "tar",
    "udev",
    "util-linux",
    "zstd",
];
/// How long packing may take without hardware virtualisation.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Where `stock/make` leaves the length, and then the result; in bytes.
const LENGTH: u64 = 1024 * MIB;
const RESULT: u64 = 1025 * MIB;
/// Largest result, in bytes.
const LARGEST: u64 = 512 * MIB;

/// Kernel command line of a system with such an initramfs (initramfs-tools(7)).
pub(crate) const CMDLINE: &str =
    "console=ttyAMA0 root=/dev/mapper/tayberry-root rootfstype=erofs ro init=/usr/lib/systemd/systemd";

/// Makes the initramfs; returns its file.
///
/// # Errors
/// When the packages cannot be had, or initramfs-tools fails; its words are on the console.
pub(crate) async fn build(fixture: &Fixture, folder: &Path) -> Result<PathBuf, JourneyError> {
    let disk = folder.join("stock.img");
    fill(fixture, folder, &disk)?;
    let path = disk.clone();
    let device = Device::start(fixture, &[Medium::Nvme], |spec| {
        spec.drives.push(Drive::new(Medium::Sd, path));
        Ok(())
    })?;
    println!("Debian's initramfs is being made on the virtual Pi 5.");
    let status = device.bus().await?.shell(include_str!("stock/make"), PATIENCE).await?;
    if status != 0 {
        return Err(failed(format!("mkinitramfs ended with {status}:\n{}", device.console_end())));
    }
    drop(device);
    let initramfs = folder.join("initrd.img");
    std::fs::write(&initramfs, result(&disk)?)?;
    Ok(initramfs)
}

/// A disk with Debian's tree.
fn fill(fixture: &Fixture, folder: &Path, disk: &Path) -> Result<(), JourneyError> {
    let (lock, release) = packages(fixture, folder)?;
    let cache = Cache::new(&fixture.paths.cache);
    let root = folder.join("stock");
    let ui = Ui::new(Mode::Text);
    let mut tree =
        Tree::unpack((&lock, Section::System), &cache, &root, &Trim::default(), ui).map_err(failed)?;
    settle(&mut tree, &read_manifest(&fixture.paths.out())?)?;
    modules::depmod(&tree, &fixture.tools, &release).map_err(failed)?;
    erofs::build(&tree, &fixture.tools, disk, lock.epoch).map_err(failed)?;
    OpenOptions::new().write(true).open(disk)?.set_len(DISK_BYTES)?;
    Ok(())
}

/// Debian's packages with the kernel of the image; and that kernel's release.
fn packages(fixture: &Fixture, folder: &Path) -> Result<(Lock, String), JourneyError> {
    let locked = Lock::load(&fixture.paths.lock())?;
    let system = locked.section(Section::System).filter(|package| package.name.starts_with("linux-"));
    let of_kernel: Vec<_> = system.filter(|package| package.name.contains("+deb")).cloned().collect();
    let names = of_kernel.iter().map(|package| package.name.as_str());
    let release = names.filter_map(|name| name.strip_prefix("linux-image-")).max().map(str::to_owned);
    let release = release.ok_or_else(|| failed("the lock has no kernel"))?;
    let lock = debian::packages(fixture, folder, &PACKAGES, &["linux-image-*"], of_kernel)?;
    Ok((lock, release))
}

/// What maintainer scripts and an administrator would write.
fn settle(tree: &mut Tree, manifest: &Value) -> Result<(), JourneyError> {
    let root: RootHash = serde_json::from_value(manifest["root_hash"].clone()).map_err(failed)?;
    let blocks = manifest["system"]["data_blocks"].as_u64().ok_or_else(|| failed("no data_blocks"))?;
    let report = BootReport {
        slot: Slot::A,
        disk: "nvme0n1".into(),
        root_hash: root,
        data: Data::Unavailable { why: "Debian's initramfs opens none".into() },
        steps: Vec::new(),
    };
    let report = serde_json::to_vec(&report).map_err(failed)?;
    let table = table(root, blocks);
    let files = [
        ("modules", &b"dm-verity\nerofs\nnvme\n"[..], 0o644),
        ("table", table.as_bytes(), 0o644),
        ("boot.json", &report, 0o644),
        ("hooks/tayberry", include_bytes!("stock/hook"), 0o755),
        ("scripts/local-top/tayberry", include_bytes!("stock/local-top"), 0o755),
        ("scripts/init-bottom/tayberry", include_bytes!("stock/init-bottom"), 0o755),
    ];
    tree.link("usr/bin/awk", "mawk").map_err(failed)?;
    for (name, bytes, mode) in files {
        let inside = Path::new("etc/initramfs-tools").join(name);
        tree.write(&inside, bytes).map_err(failed)?;
        std::fs::set_permissions(tree.path(inside), Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// dmsetup(8)'s line for slot A; the target's parameters are those of `tayberry-init`.
fn table(root: RootHash, data_blocks: u64) -> String {
    let sectors = data_blocks * (BLOCK as u64 / SECTOR);
    let hash_start = HASH_OFFSET / BLOCK as u64 + 1;
    let device = format!("/dev/nvme0n1p{}", layout::system(Slot::A).number);
    format!(
        "0 {sectors} verity 1 {device} {device} {BLOCK} {BLOCK} {data_blocks} {hash_start} sha256 {root} -"
    )
}

fn read_manifest(out: &Path) -> Result<Value, JourneyError> {
    serde_json::from_slice(&std::fs::read(out.join("manifest.json"))?).map_err(failed)
}

/// What `stock/make` left on the disk.
fn result(disk: &Path) -> Result<Vec<u8>, JourneyError> {
    let disk = File::open(disk)?;
    let mut text = [0; 32];
    disk.read_exact_at(&mut text, LENGTH)?;
    let text = String::from_utf8_lossy(&text);
    let length: u64 = text.trim_matches(['\0', '\n']).parse().map_err(failed)?;
    if length > LARGEST {
        return Err(failed(format!("an initramfs of {length} bytes")));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(failed)?];
    disk.read_exact_at(&mut bytes, RESULT)?;
    Ok(bytes)
}
