//! The power fails during the first boot, at any write: the disk that is left still boots a verified slot.

use std::path::Path;
use std::time::Duration;

use system_tests::device::{BOOT, Device};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry::emulate::recorded;
use tayberry::emulate::writes::{Log, SECTOR, Write};
use tayberry::emulate::{EmulateError, disk};
use tayberry::image_file;
use tayberry_firmware::{Board, Medium, ResetState};
use tayberry_format::slot::Slot;

const SHORT: Duration = Duration::from_secs(90);
/// Moments of the first boot that are looked at; each is also looked at with its write torn.
const SAMPLES: usize = 24;
/// So many of them are booted: the first write, one from the middle, the last one.
const BOOTED: usize = 3;

/// `wanted` numbers from 1 to `count`, evenly spaced, with the first and the last.
fn sample(count: usize, wanted: usize) -> Vec<usize> {
    let mut all: Vec<_> = (0..wanted).map(|step| 1 + step * (count - 1) / (wanted - 1)).collect();
    all.dedup();
    all
}

/// What the firmware would boot, and whether the disk is still laid out as ours.
fn check(path: &Path) -> Result<(), JourneyError> {
    image_file::check_layout(path).map_err(EmulateError::from)?;
    let opened = std::fs::File::open(path)?;
    let boot = tayberry_firmware::boot(&opened, &Board::default(), &ResetState::default())
        .map_err(|error| JourneyError::Failed(error.to_string()))?;
    assert_eq!(Slot::from_boot_partition(boot.partition), Some(Slot::A));
    assert!(boot.is_complete(), "{:?}", boot.missing);
    Ok(())
}

/// Half of a write, in whole sectors; nothing for a write of one sector.
fn half(write: Write) -> u64 {
    match write {
        Write::Data { bytes, .. } | Write::Discard { bytes, .. } => bytes / 2 / SECTOR * SECTOR,
        Write::Flush => 0,
    }
}

/// Cuts the power and waits until it is off.
fn off(device: &Device, command: Command) -> Result<(), JourneyError> {
    let before = device.machine.exits().len();
    device.machine.command(command)?;
    device.machine.wait_exits(before + 1, SHORT)?;
    Ok(())
}

/// Boots the disk at `path` to the agent and keeps data on it.
async fn boots(fixture: &Fixture, path: &Path) -> Result<(), JourneyError> {
    let device = Device::start(fixture, &[Medium::Nvme], |spec| {
        disk::copy_sparse(path, &spec.drives[0].path)?;
        Ok(())
    })?;
    let bus = device.bus().await?;
    assert_eq!(bus.agent().await?.booted_slot().await?, "A");
    assert_eq!(bus.shell("echo kept > /var/lib/tayberry/journey && sync", SHORT).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "an update judges every write of the first boot: scripts/test full"]
async fn a_power_cut_at_any_write_of_the_first_boot_leaves_a_disk_that_boots() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.drives[0].record = Some(spec.file("writes"));
        Ok(())
    })?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    drop(bus);
    off(&device, Command::Cut)?;

    let log = Log::open(&device.machine.port("writes"))?;
    assert!(log.writes.len() > 100, "a first boot writes: {}", log.writes.len());
    let folder = fixture.folder()?;
    let (base, torn) = (folder.path().join("base"), folder.path().join("torn"));
    disk::copy_sparse(&recorded::before(&device.disk(0)), &base)?;
    let points = sample(log.writes.len(), SAMPLES);
    let real = sample(points.len(), BOOTED);
    let mut done = 0;
    for (index, count) in points.iter().enumerate() {
        let file = std::fs::OpenOptions::new().write(true).open(&base)?;
        // Up to this write, which is torn in the second disk.
        log.replay_from(&file, done, count - 1, None)?;
        disk::copy_sparse(&base, &torn)?;
        let second = std::fs::OpenOptions::new().write(true).open(&torn)?;
        log.replay_from(&second, count - 1, *count, Some(half(log.writes[count - 1])))?;
        check(&base)?;
        check(&torn)?;
        if real.contains(&(index + 1)) {
            boots(&fixture, &torn).await?;
        }
        done = count - 1;
    }
    Ok(())
}

/// `tear` of the control socket: the last write is on the disk in part, and the next boot copes with it.
#[tokio::test]
#[ignore = "an update tears every write: scripts/test full"]
async fn a_torn_last_write_is_what_it_says() -> Result<(), JourneyError> {
    use std::os::unix::fs::FileExt;
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.drives[0].record = Some(spec.file("writes"));
        Ok(())
    })?;
    let bus = device.bus().await?;
    let write = "dd if=/dev/urandom of=/var/lib/tayberry/journey bs=64k count=16 oflag=direct && sync";
    assert_eq!(bus.shell(write, SHORT).await?, 0);
    drop(bus);
    off(&device, Command::Tear(Some(0)))?;
    let torn = device.machine.torn().ok_or_else(|| JourneyError::Failed("nothing was torn".into()))?;
    assert_eq!(torn.kept, 0);
    // Its last bytes are not the recorded ones, unless the same was there before.
    let log = Log::open(&device.machine.port("writes"))?;
    let (count, offset, bytes) = log.last_data().unwrap_or_default();
    assert_eq!((torn.offset, torn.bytes), (offset, bytes));
    let whole = device.machine.port("whole");
    let base = std::fs::File::create(&whole)?;
    base.set_len(disk::DISK_BYTES)?;
    log.replay(&base, count - 1, None)?;
    let base = std::fs::File::open(&whole)?;
    let disk = std::fs::File::open(device.disk(0))?;
    let length = usize::try_from(bytes).unwrap_or_default();
    let (mut expected, mut found) = (vec![0; length], vec![0; length]);
    base.read_exact_at(&mut expected, offset)?;
    disk.read_exact_at(&mut found, offset)?;
    assert!(expected == found, "the disk is as it was before its last write");
    device.machine.command(Command::PowerOn)?;
    assert_eq!(device.bus().await?.agent().await?.booted_slot().await?, "A");
    Ok(())
}
