//! The working copy of an image: the image itself is never changed.

use std::fs::OpenOptions;
use std::path::Path;

use crate::emulate::{EmulateError, at};
use crate::image_file;
use crate::ui::Ui;

/// Size of a virtual disk in bytes. A power of two, because SD cards have no other sizes in QEMU.
pub const DISK_BYTES: u64 = 16 << 30;

/// Makes a disk of [`DISK_BYTES`] at `to` that begins with the image at `from`.
///
/// # Errors
/// When the image is damaged or not ours.
pub fn from_image(from: &Path, to: &Path, ui: Ui) -> Result<(), EmulateError> {
    let stage = ui.stage("disk copy", None);
    image_file::unpack(from, to, &|bytes| stage.add(bytes))?;
    let disk = OpenOptions::new().write(true).open(to).map_err(at(to))?;
    disk.set_len(DISK_BYTES).map_err(at(to))?;
    stage.finish("working copy; the image is not changed");
    Ok(())
}
