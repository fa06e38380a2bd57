//! Reads the preseed file from the config partition, which is never mounted.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use tayberry_firmware::{LocateError, locate};
use tayberry_format::{layout, preseed};

/// The file as it lies on the disk; empty when there is none.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str) -> io::Result<Vec<u8>> {
    from(&File::open(format!("/dev/{disk}"))?)
}

fn from(disk: &File) -> io::Result<Vec<u8>> {
    let place = match locate(disk, layout::CONFIG.number, preseed::FILE) {
        Ok(place) => place,
        Err(LocateError::Missing { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut bytes = Vec::new();
    for extent in &place.extents {
        // One byte more than allowed shows that it is too long.
        let room = preseed::BYTES as u64 + 1 - bytes.len() as u64;
        let length = usize::try_from(extent.length.min(room)).map_err(io::Error::other)?;
        let from = bytes.len();
        bytes.resize(from + length, 0);
        disk.read_exact_at(&mut bytes[from..], extent.offset)?;
    }
    Ok(bytes)
}
