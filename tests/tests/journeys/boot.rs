//! The image boots: from both media, from the drive that the firmware chose, verified, and with nothing failed.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use system_tests::device::{BOOT, Device};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;
use tayberry::emulate::command::Command;
use tayberry::emulate::gpio_port::Gpio;
use tayberry_firmware::Medium;
use tayberry_format::layout;
use tayberry_format::slot::Slot;

const SHORT: Duration = Duration::from_secs(90);

/// First boot from NVMe, then a look at everything that an owner or a test can see, then a clean shutdown and a boot that
/// finds the data of the first.
#[tokio::test]
#[ignore = "the console starts from NVMe and keeps its data always: scripts/test full"]
async fn boots_from_nvme_and_keeps_its_data() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |_| Ok(()))?;
    let bus = device.bus().await?;
    let agent = bus.agent().await?;
    assert_eq!(agent.booted_slot().await?, "A");
    assert_eq!(agent.default_slot().await?, "A");
    assert_eq!(agent.state().await?, "committed");
    assert!(!agent.trial().await?);
    assert_eq!(agent.disk().await?, "nvme0n1");
    assert!(agent.boot_stages().await?.iter().any(|(name, length)| name == "system" && *length > 0));

    device.machine.mailbox(|mailbox| mailbox.temperature = 61_500);
    assert!(
        (agent.soc_temperature().await? - 61.5).abs() < 0.01,
        "the mailbox answers with what the test set"
    );

    let mut pins = Gpio::connect(&device.machine.port("io.tayberry.gpio"))?;
    pins.press(5)?;
    pins.wait_level(5, false, SHORT)?;
    pins.release(5)?;
    pins.wait_level(5, true, SHORT)?;

    bus.wait_active("multi-user.target", BOOT).await?;
    assert_eq!(bus.failed_units().await?, Vec::<String>::new());
    assert_eq!(bus.shell("echo kept > /var/lib/tayberry/journey && sync", SHORT).await?, 0);
    assert_ne!(
        bus.shell("touch /usr/changed || touch /etc/changed", SHORT).await?,
        0,
        "the system is read-only"
    );
    let verify = bus.shell("systemd-analyze --man=no verify default.target 2>/run/verify; cat /run/verify > /dev/ttyAMA0; test ! -s /run/verify", BOOT).await?;
    assert_eq!(verify, 0, "{}", device.console_end());
    // The device goes off before it can answer.
    drop(bus.shell("systemctl poweroff --no-block", SHORT).await);
    drop(bus);
    assert_eq!(device.machine.wait_exits(1, SHORT)?, [Exit::Off]);
    device.machine.command(Command::PowerOn)?;
    let bus = device.bus().await?;
    assert_eq!(bus.shell("test \"$(cat /var/lib/tayberry/journey)\" = kept", SHORT).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "the console starts from NVMe always: scripts/test full"]
async fn boots_from_sd() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Sd], |_| Ok(()))?;
    let agent_says = device.bus().await?;
    let agent = agent_says.agent().await?;
    assert_eq!((agent.booted_slot().await?.as_str(), agent.disk().await?.as_str()), ("A", "mmcblk0"));
    Ok(())
}

/// Both drives hold the same image, down to the identifiers.
#[tokio::test]
#[ignore = "the choice is tested by itself: scripts/test full"]
async fn boots_the_drive_that_the_firmware_chose() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Sd, Medium::Nvme], |spec| {
        // The first drive holds nothing bootable any more: the firmware goes on to the second.
        let disk = std::fs::OpenOptions::new().write(true).open(&spec.drives[0].path)?;
        let boot = layout::boot(Slot::A);
        disk.write_all_at(&vec![0; 2 << 20], boot.start)?;
        Ok(())
    })?;
    let bus = device.bus().await?;
    assert_eq!(bus.agent().await?.disk().await?, "nvme0n1");
    assert_eq!(device.machine.boots()[0].medium, Medium::Nvme);
    Ok(())
}

/// A damaged block is an error when it is read, and the rest of the system goes on.
#[tokio::test]
#[ignore = "the kernel checks each block; that it is asked to is shown by decay: scripts/test full"]
async fn a_flipped_byte_is_refused_at_read() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut flipped = 0;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        let disk = std::fs::OpenOptions::new().read(true).write(true).open(&spec.drives[0].path)?;
        let system = layout::system(Slot::A);
        flipped = last_data_block(&disk, system.start)?;
        let offset = system.start + flipped * 4096 + 17;
        let mut byte = [0];
        disk.read_exact_at(&mut byte, offset)?;
        disk.write_all_at(&[byte[0] ^ 1], offset)?;
        Ok(())
    })?;
    let bus = device.bus().await?;
    let read = |block: u64| {
        format!(
            "dd if=$(findmnt --noheadings --output SOURCE /) of=/dev/null bs=4096 count=1 iflag=direct skip={block}"
        )
    };
    assert_eq!(bus.shell(&read(flipped - 1), SHORT).await?, 0, "its neighbour is as it was");
    assert_ne!(bus.shell(&read(flipped), SHORT).await?, 0, "the damaged block is refused");
    Ok(())
}

/// The last block of the file system, which nothing reads while booting.
fn last_data_block(disk: &std::fs::File, system: u64) -> Result<u64, JourneyError> {
    let mut header = [0; 4096];
    disk.read_exact_at(&mut header, system + layout::HASH_OFFSET)?;
    let header = tayberry_format::verity::Header::decode(&header);
    let header = header.map_err(|error| JourneyError::Failed(error.to_string()))?;
    Ok(header.data_blocks - 1)
}

/// What the emulator appends to the initramfs means nothing to a board that is not the virtual Pi 5.
#[tokio::test]
#[ignore = "a start of another kind runs always: scripts/test full"]
async fn a_board_that_is_not_virtual_ignores_the_emulators_files() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.anonymous = true;
        Ok(())
    })?;
    let at = device.machine.wait_console(0, "not the virtual Pi 5: ignored", BOOT)?;
    device.machine.wait_console(at, "slot A, committed", BOOT)?;
    Ok(())
}
