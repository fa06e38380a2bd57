//! Acts on slots: opens them, asks whether one would boot, makes one the default.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use tayberry_firmware::locate;
use tayberry_format::autoboot::{self, BYTES};
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;
use tayberry_format::{cmdline, layout};

use crate::device::boot::{self, BootError};
use crate::update::direct::{self, Aligned};
use crate::update::scan;

/// A partition's device: `nvme0n1p4`, `mmcblk0p4`, `sda4`.
#[must_use]
pub fn partition(disk: &str, number: u32) -> PathBuf {
    let between = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("/dev/{disk}{between}{number}"))
}

/// Opens both partitions of a slot for direct I/O.
///
/// # Errors
/// When one cannot be opened.
pub fn open(disk: &str, slot: Slot) -> io::Result<scan::Slot> {
    let open = |number| direct::open(&partition(disk, number));
    Ok(scan::Slot { boot: open(slot.boot_partition())?, system: open(slot.system_partition())? })
}

/// Why the firmware would not start a slot with a system; a sentence.
///
/// # Errors
/// With that sentence.
pub fn would_boot(disk: &str, slot: Slot, root_hash: RootHash, try_once: bool) -> Result<(), String> {
    let found = boot::simulate(disk, try_once).map_err(|error: BootError| error.to_string())?;
    let found = found.map_err(|error| error.to_string())?;
    let seen = found.slot().map_or_else(|| "no slot".to_owned(), |slot| format!("slot {slot}"));
    if found.slot() != Some(slot) {
        return Err(format!("the firmware would start {seen} instead of slot {slot}"));
    }
    if let [missing, ..] = &found.missing[..] {
        return Err(format!("{missing} is missing"));
    }
    match cmdline::root_hash(&found.cmdline) {
        Ok(hash) if hash == root_hash => Ok(()),
        Ok(hash) => Err(format!("slot {slot} would start the system with root hash {hash}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes `slot` the default: one sector is written to the drive, flushed, and read back.
///
/// # Errors
/// When the file is not one whole sector, or the drive refuses.
pub fn commit(disk: &str, slot: Slot) -> io::Result<()> {
    let whole = PathBuf::from("/dev").join(disk);
    let place =
        locate(&File::open(&whole)?, layout::CONFIG.number, autoboot::FILE).map_err(io::Error::other)?;
    let [extent] = place.extents[..] else { return Err(io::Error::other("autoboot.txt is in pieces")) };
    if extent.length != BYTES as u64 || extent.offset % layout::SECTOR != 0 {
        return Err(io::Error::other("autoboot.txt is not one sector"));
    }
    let drive = direct::open(&whole)?;
    let mut buffer = Aligned::new();
    buffer.get_mut(0, BYTES).copy_from_slice(&autoboot::sector(slot));
    drive.write_all_at(buffer.get(0, BYTES), extent.offset)?;
    drive.sync_all()?;
    buffer.get_mut(0, BYTES).fill(0);
    drive.read_exact_at(buffer.get_mut(0, BYTES), extent.offset)?;
    if autoboot::default_slot(buffer.get(0, BYTES)) == Some(slot) {
        Ok(())
    } else {
        Err(io::Error::other("autoboot.txt reads back as something else"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        for (disk, path) in
            [("nvme0n1", "/dev/nvme0n1p4"), ("mmcblk0", "/dev/mmcblk0p4"), ("sda", "/dev/sda4")]
        {
            assert_eq!(partition(disk, 4), PathBuf::from(path));
        }
    }
}
