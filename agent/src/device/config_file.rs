//! Files of the config partition, which is never mounted: each is pre-allocated in blocks of its own, read from and
//! overwritten on the block device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use tayberry_firmware::{LocateError, locate};
use tayberry_format::layout;

/// Reads at most `most` bytes and one more, which shows that there are too many; empty when there is no such file.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str, name: &str, most: usize) -> io::Result<Vec<u8>> {
    let disk = File::open(format!("/dev/{disk}"))?;
    let place = match locate(&disk, layout::CONFIG.number, name) {
        Ok(place) => place,
        Err(LocateError::Missing { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut bytes = Vec::new();
    for extent in &place.extents {
        let room = most as u64 + 1 - bytes.len() as u64;
        let length = usize::try_from(extent.length.min(room)).map_err(io::Error::other)?;
        let from = bytes.len();
        bytes.resize(from + length, 0);
        disk.read_exact_at(&mut bytes[from..], extent.offset)?;
    }
    Ok(bytes)
}

/// Overwrites the file with `block`, unless it holds that already. A person may have replaced the file by one of another
/// size: then nothing is written.
///
/// # Errors
/// When the file is not one extent of `block`'s size, or the disk cannot be written.
pub fn overwrite<const N: usize>(disk: &str, name: &str, block: &[u8; N]) -> io::Result<()> {
    let disk = OpenOptions::new().read(true).write(true).open(format!("/dev/{disk}"))?;
    let place = locate(&disk, layout::CONFIG.number, name).map_err(io::Error::other)?;
    let [extent] = place.extents[..] else { return Err(io::Error::other(format!("{name} is in pieces"))) };
    if extent.length != N as u64 {
        return Err(io::Error::other(format!("{name} has {} bytes, not {N}", extent.length)));
    }
    let mut held = [0; N];
    disk.read_exact_at(&mut held, extent.offset)?;
    if held == *block {
        return Ok(());
    }
    disk.write_all_at(block, extent.offset)?;
    disk.sync_all()
}
