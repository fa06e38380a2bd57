//! What a device does when it crashes: a panic is kept, and a hang ends by the watchdog.

use std::time::Duration;

use system_tests::bus::Bus;
use system_tests::device::{BOOT, Device, free_port};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;

const SHORT: Duration = Duration::from_secs(90);

/// Whether a kept message of the kernel holds a word, by the shell's own means: the device has no grep.
const LOOK: &str = r#"for file in /var/lib/systemd/pstore/* /var/lib/systemd/pstore/*/*; do
    test -f "$file" || continue
    while read -r line; do
        case "$line" in *"sysrq triggered crash"*) exit 0;; esac
    done < "$file"
done
exit 1"#;

/// For a message that says more than "not found".
const TELL: &str = "{ systemctl --no-pager status systemd-pstore; ls -lR /sys/fs/pstore /var/lib/systemd/pstore; \
    cat /proc/iomem; journalctl --no-pager -b -k; } > /dev/ttyAMA0 2>&1";

/// Runs what the device cannot answer any more.
async fn crash(bus: Bus, command: &str) {
    drop(tokio::time::timeout(Duration::from_secs(5), bus.shell(command, SHORT)).await);
}

/// The kernel's last words survive the reset that a panic ends in, and are kept on the data partition.
#[tokio::test]
#[ignore = "a panic on trial runs always: scripts/test full"]
async fn a_kernel_panic_is_kept() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::new_one(&fixture, free_port()?, 8443)?;
    let bus = device.bus().await?;
    assert_ne!(bus.shell(LOOK, SHORT).await?, 0, "nothing is kept before there was a panic");
    let before = device.machine.exits().len();
    crash(bus, "echo c > /proc/sysrq-trigger").await;
    assert_eq!(device.machine.wait_exits(before + 1, SHORT)?[before..], [Exit::Reset]);
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    let found = bus.shell(LOOK, SHORT).await?;
    if found != 0 {
        bus.shell(TELL, SHORT).await?;
    }
    let console = std::fs::read(device.machine.port("console.log"))?;
    assert_eq!(found, 0, "{}", String::from_utf8_lossy(&console));
    Ok(())
}

/// A kernel that stands still after a panic no longer feeds the watchdog, which resets the board.
#[tokio::test]
#[ignore = "waits for the watchdog; a panic on trial runs always: scripts/test full"]
async fn the_watchdog_ends_a_hang() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::new_one(&fixture, free_port()?, 8443)?;
    let bus = device.bus().await?;
    // Here the kernel waits for ever instead of resetting the board itself.
    let before = device.machine.exits().len();
    crash(bus, "echo 0 > /proc/sys/kernel/panic && echo c > /proc/sysrq-trigger").await;
    assert_eq!(device.machine.wait_exits(before + 1, 4 * SHORT)?[before..], [Exit::Watchdog]);
    let bus = device.bus().await?;
    assert_eq!(bus.agent().await?.booted_slot().await?, "A");
    Ok(())
}
