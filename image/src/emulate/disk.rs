//! The working copy of an image: the image itself is never changed.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
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

/// Copies the disk at `from` to a new file, with its holes.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_sparse(from: &Path, to: &Path) -> Result<(), EmulateError> {
    let source = File::open(from).map_err(at(from))?;
    let target = File::create(to).map_err(at(to))?;
    target.set_len(source.metadata().map_err(at(from))?.len()).map_err(at(to))?;
    let mut buffer = vec![0; 1 << 20];
    for range in crate::bmap::data(&source).map_err(at(from))? {
        let mut place = range.start;
        while place < range.end {
            let length = usize::try_from(range.end - place).unwrap_or(usize::MAX).min(buffer.len());
            source.read_exact_at(&mut buffer[..length], place).map_err(at(from))?;
            target.write_all_at(&buffer[..length], place).map_err(at(to))?;
            place += length as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_copy_has_the_same_bytes_and_holes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let disk = File::create(&from).unwrap();
        disk.set_len(8 << 20).unwrap();
        disk.write_all_at(&[7; 5000], 3 << 20).unwrap();
        copy_sparse(&from, &to).unwrap();
        assert!(std::fs::read(&from).unwrap() == std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
    }
}
