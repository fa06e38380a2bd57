//! The files of a slot's boot partition, as digests: whether another needs the firmware is decided in `tayberry_core::update::speed`.

use std::fs::File;

use tayberry_core::update::speed::{self, Speed};
use tayberry_format::bundle::manifest::BootFiles;
use tayberry_format::slot::Slot;

use crate::device::boot;

/// How a system with the boot files `next` takes the place of what runs; without them, what the other slot holds. Reads for seconds.
#[must_use]
pub fn speed(disk: &str, running: Slot, next: Option<&BootFiles>) -> Speed {
    let decided = || {
        let now = look(disk, running)?;
        Ok(match next {
            Some(next) => speed::decide(&now, next),
            None => speed::decide(&now, &look(disk, running.other())?),
        })
    };
    decided().unwrap_or_else(|why| Speed::Reboot { why: vec![why] })
}

/// Digests of all files, as they lie on the disk.
///
/// # Errors
/// With a sentence, when the disk or the file system cannot be read.
fn look(disk: &str, slot: Slot) -> Result<BootFiles, String> {
    let words = |error: &dyn std::fmt::Display| format!("the files of slot {slot} cannot be read: {error}");
    let disk = File::open(format!("/dev/{disk}")).map_err(|error| words(&error))?;
    boot::forget(&disk).map_err(|error| words(&error))?;
    tayberry_firmware::digests(&disk, slot.boot_partition()).map_err(|error| words(&error))
}
