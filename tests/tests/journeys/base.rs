//! A root file system that came as an archive, as Buildroot makes it: the same assembler makes a disk of it, and that boots.

use std::process::Command;

use serde_json::Value;
use system_tests::device::{BOOT, Device};
use system_tests::{Fixture, JourneyError, database};
use tayberry::build::tree::Tree;
use tayberry::build::trim::Trim;
use tayberry::build::{BuildError, kernel_files, layer};
use tayberry::commands::CommandError;
use tayberry::commands::emulate::{guest_of, newest};
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Section};
use tayberry::ui::{Mode, Ui};
use tayberry_firmware::Medium;

fn failed(error: BuildError) -> JourneyError {
    JourneyError::Command(CommandError::from(error))
}

#[tokio::test]
async fn a_root_file_system_from_an_archive_becomes_a_disk_that_boots() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let folder = fixture.folder()?;
    let [root, archive, kernel, out] =
        ["root", "rootfs.tar", "Image", "out"].map(|name| folder.path().join(name));
    let lock = Lock::load(&fixture.paths.lock())?;
    let cache = Cache::new(&fixture.paths.cache);
    Tree::unpack((&lock, Section::System), &cache, &root, &Trim::default(), Ui::new(Mode::Text))
        .map_err(failed)?;
    // Buildroot's kernel lies beside the archive.
    let release = std::fs::read_dir(root.join("usr/lib/modules"))?.flatten().next();
    let release = release.ok_or_else(|| JourneyError::Failed("no kernel".to_owned()))?.file_name();
    std::fs::rename(kernel_files::image(&root, &release.to_string_lossy()).map_err(failed)?, &kernel)?;
    layer::archive(&root, lock.epoch, &mut std::fs::File::create(&archive)?).map_err(failed)?;

    let mut build = Command::new(fixture.paths.project.join("target/debug/tayberry"));
    build.current_dir(&fixture.paths.project);
    build.args(["build", "--database", &database(), "--offline", "--base"]);
    let built = build.arg(&archive).arg("--kernel").arg(&kernel).arg("--out").arg(&out).status()?;
    assert!(built.success(), "{built}");
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json"))?)
        .map_err(|error| JourneyError::Failed(error.to_string()))?;
    let packages = manifest["packages"].as_array().cloned().unwrap_or_default();
    assert_eq!(packages.len(), 1, "{packages:?}");
    assert_eq!(packages[0]["version"], tayberry::files::sha256(&archive)?);

    let image = newest(&out)?;
    let guest = guest_of(&image).ok_or_else(|| JourneyError::Failed("no emulator part".to_owned()))?;
    let other = Fixture { image, guest, ..fixture };
    let device = Device::start(&other, &[Medium::Nvme], |_| Ok(()))?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    assert_eq!(bus.failed_units().await?, [""; 0], "{}", device.console_end());
    Ok(())
}
