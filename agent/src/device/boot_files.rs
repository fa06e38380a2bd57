//! The files of a slot's boot partition, as digests: whether another needs the firmware is decided in `tayberry_core::update::speed`.

use std::fs::File;

use tayberry_format::bundle::manifest::BootFiles;
use tayberry_format::slot::Slot;

use crate::device::boot;

/// Digests of all files, as they lie on the disk.
///
/// # Errors
/// With a sentence, when the disk or the file system cannot be read.
pub fn look(disk: &str, slot: Slot) -> Result<BootFiles, String> {
    let words = |error: &dyn std::fmt::Display| format!("the files of slot {slot} cannot be read: {error}");
    let disk = File::open(format!("/dev/{disk}")).map_err(|error| words(&error))?;
    boot::forget(&disk).map_err(|error| words(&error))?;
    tayberry_firmware::digests(&disk, slot.boot_partition()).map_err(|error| words(&error))
}
