//! The facts about slots: what runs, what the firmware booted, what it will boot next.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use tayberry_core::status::Facts;
use tayberry_firmware::{Board, Boot, Medium, ResetState};
use tayberry_format::boot_report::{self, BootReport};
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

/// A fact that could not be established.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A file of the kernel or of the initramfs cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The initramfs' report is damaged.
    #[error("{path}: {0}", path = boot_report::PATH)]
    Report(#[from] serde_json::Error),
    /// `/` is not one of our system partitions.
    #[error("the file system at / does not lie on a system partition of Tayberry ({0})")]
    NotOurs(String),
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, BootError> {
    let path = path.as_ref();
    std::fs::read(path).map_err(|error| BootError::Io { path: path.to_owned(), error })
}

fn text(path: impl AsRef<Path>) -> Result<String, BootError> {
    Ok(String::from_utf8_lossy(&read(path)?).trim().to_owned())
}

/// What the initramfs left.
///
/// # Errors
/// When it is missing or damaged.
pub fn report() -> Result<BootReport, BootError> {
    Ok(serde_json::from_slice(&read(boot_report::PATH)?)?)
}

/// The slot under `/`: from the mount to the device-mapper device to the partition below it.
///
/// # Errors
/// When `/` lies on anything else.
pub fn running() -> Result<Slot, BootError> {
    let root = root_number()?;
    let below = PathBuf::from(format!("/sys/dev/block/{root}/slaves"));
    let mut entries =
        std::fs::read_dir(&below).map_err(|error| BootError::Io { path: below.clone(), error })?;
    let Some(Ok(entry)) = entries.next() else { return Err(BootError::NotOurs(root)) };
    let number = text(entry.path().join("partition"))?;
    let number: u32 = number.parse().map_err(|_| BootError::NotOurs(number))?;
    Slot::ALL
        .into_iter()
        .find(|slot| slot.system_partition() == number)
        .ok_or_else(|| BootError::NotOurs(format!("partition {number}")))
}

/// The root hash under which the kernel verifies `/`.
///
/// # Errors
/// When device-mapper does not say it.
pub fn root_hash() -> Result<RootHash, BootError> {
    tayberry_dm::root_hash(&root_number()?)
        .map_err(|error| BootError::Io { path: "/dev/mapper/control".into(), error })
}

/// The verified device under `/`.
///
/// # Errors
/// When the kernel does not name it.
pub fn root_device_path() -> Result<PathBuf, BootError> {
    let root = root_number()?;
    let events = text(format!("/sys/dev/block/{root}/uevent"))?;
    let name = events.lines().find_map(|line| line.strip_prefix("DEVNAME="));
    Ok(Path::new("/dev").join(name.ok_or(BootError::NotOurs(root))?))
}

/// `MAJOR:MINOR` of the device under `/`.
fn root_number() -> Result<String, BootError> {
    let mounts = text("/proc/self/mountinfo")?;
    root_device(&mounts).map(str::to_owned).ok_or_else(|| BootError::NotOurs("no mount at /".into()))
}

/// `MAJOR:MINOR` of the last mount at `/` (proc_pid_mountinfo(5)).
fn root_device(mountinfo: &str) -> Option<&str> {
    let mut roots = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let device = fields.nth(2)?;
        (fields.nth(1)? == "/").then_some(device)
    });
    roots.next_back()
}

/// Starts since the power came on, this one included; none if the firmware does not say.
#[must_use]
pub fn count() -> Option<u32> {
    bootloader("count")
}

/// A number that the bootloader left in the device tree: 32 bits, big-endian.
fn bootloader(name: &str) -> Option<u32> {
    let bytes = std::fs::read(format!("/proc/device-tree/chosen/bootloader/{name}")).ok()?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Makes the kernel read the disk anew: partitions are written to directly, and what the whole disk's device has in memory
/// may be old.
///
/// # Errors
/// When the kernel refuses.
pub fn forget(disk: &File) -> io::Result<()> {
    Ok(posix_fadvise(disk, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
}

/// What the firmware would boot from the disk as it is now, by its model, after a restart with these flags.
///
/// # Errors
/// When the disk cannot be opened.
pub fn simulate(
    disk: &str,
    reset: &ResetState,
) -> Result<Result<Boot, tayberry_firmware::BootError>, BootError> {
    let path = PathBuf::from(format!("/dev/{disk}"));
    let io = |error| BootError::Io { path: path.clone(), error };
    let file = File::open(&path).map_err(io)?;
    forget(&file).map_err(io)?;
    let medium = match disk.get(..2) {
        Some("nv") => Medium::Nvme,
        Some("sd") => Medium::Usb,
        _ => Medium::Sd,
    };
    let mut board = Board { medium, ..Board::default() };
    board.eeprom.build = bootloader("build-timestamp").unwrap_or(board.eeprom.build);
    Ok(tayberry_firmware::boot(&file, &board, reset))
}

/// The slot that the firmware will boot next. None when it would boot nothing of ours.
///
/// # Errors
/// When the disk cannot be opened.
pub fn next(disk: &str) -> Result<Option<Slot>, BootError> {
    Ok(simulate(disk, &ResetState::default())?.ok().and_then(|boot| boot.slot()))
}

/// Whether this boot is a trial: the firmware was told to try it once.
#[must_use]
pub fn is_try_once() -> bool {
    bootloader("tryboot") == Some(1)
}

/// Build of the boot firmware in seconds since 1970; none if it does not say (`/chosen/bootloader/build-timestamp`, Raspberry
/// Pi documentation, "Device trees").
#[must_use]
pub fn firmware_build() -> Option<i64> {
    bootloader("build-timestamp").map(i64::from)
}

/// All facts together.
///
/// # Errors
/// When one of them cannot be established.
pub fn facts(disk: &str) -> Result<Facts, BootError> {
    Ok(Facts {
        running: running()?,
        firmware_booted: bootloader("partition").and_then(Slot::from_boot_partition),
        try_once: is_try_once(),
        default: next(disk)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_at_the_root_counts() {
        let text = "1 0 0:2 / / rw - rootfs none rw\n22 1 254:0 / / ro - erofs /dev/dm-0 ro\n\
                    23 22 0:5 / /dev rw - devtmpfs none rw";
        assert_eq!(root_device(text), Some("254:0"));
        assert_eq!(root_device(""), None);
    }
}
