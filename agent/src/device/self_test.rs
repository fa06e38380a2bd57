//! The record of a watchdog test on the data partition, and how each stage is made to hang.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use tayberry_core::self_test::SelfTest;

use super::{boot_counter, systemd, whole_file};

/// The record.
const FILE: &str = "/var/lib/tayberry/self-test.json";
/// Longest record.
const MAX_BYTES: u64 = 16 << 10;

/// The record; an empty one if there is none.
///
/// # Errors
/// When it cannot be read.
pub fn read() -> io::Result<SelfTest> {
    Ok(whole_file::json(Path::new(FILE), MAX_BYTES)?.unwrap_or_default())
}

/// Keeps it.
///
/// # Errors
/// When it cannot be written.
pub fn write(test: &SelfTest) -> io::Result<()> {
    whole_file::replace(Path::new(FILE), &serde_json::to_vec(test)?)
}

/// Which start of the device this is (random(4)).
///
/// # Errors
/// When the kernel does not say.
pub fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned())
}

/// Whether the hardware would reset a board that hangs.
#[must_use]
pub fn has_hardware() -> bool {
    Path::new("/dev/watchdog").exists()
}

/// Whether the starts so far count as good: three that do not lead to rescue.
#[must_use]
pub fn is_settled(disk: &str) -> bool {
    boot_counter::read(disk).is_ok_and(|counter| counter.starts == 0)
}

/// The agent hangs: the one thread that does everything never comes back.
pub fn agent() -> Infallible {
    loop {
        std::thread::park();
    }
}

/// Begins to let something hang that the agent may not touch: `systemd`, `kernel`, or a service's control group.
///
/// # Errors
/// When systemd refuses.
pub async fn unit(what: &str) -> zbus::Result<()> {
    let bus = zbus::Connection::system().await?;
    systemd::ManagerProxy::new(&bus)
        .await?
        .start_unit(&format!("tayberry-hang@{what}.service"), "replace")
        .await
        .map(drop)
}

/// The next start hangs in the initramfs, once.
///
/// # Errors
/// When the counter's block cannot be written.
pub fn initramfs(disk: &str) -> io::Result<()> {
    let counter = boot_counter::read(disk)?;
    boot_counter::write(disk, tayberry_format::boot_counter::Counter { hang: true, ..counter })
}
