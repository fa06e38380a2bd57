//! Files of the config partition, which is never mounted: each is pre-allocated in blocks of its own, read from and
//! overwritten on the block device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tayberry_core::replace::Step;
use tayberry_firmware::{BootFile, LocateError, locate};
use tayberry_format::layout;

/// The disk's device; an absolute path stands for itself.
fn open(options: &OpenOptions, disk: &str) -> io::Result<File> {
    options.open(Path::new("/dev").join(disk))
}

fn place(disk: &File, name: &str) -> io::Result<BootFile> {
    locate(disk, layout::CONFIG.number, name).map_err(io::Error::other)
}

/// Reads at most `most` bytes and one more, which shows that there are too many; empty when there is no such file.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str, name: &str, most: usize) -> io::Result<Vec<u8>> {
    let disk = open(OpenOptions::new().read(true), disk)?;
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
    let disk = open(OpenOptions::new().read(true).write(true), disk)?;
    let place = place(&disk, name)?;
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

/// Does the steps, each on the disk before the next begins. The file may lie in pieces: a person may have replaced it.
///
/// # Errors
/// When the file has another length by now, or the disk cannot be written.
pub fn replace(disk: &str, name: &str, length: usize, steps: &[Step]) -> io::Result<()> {
    let disk = open(OpenOptions::new().read(true).write(true), disk)?;
    let place = place(&disk, name)?;
    if place.size != length as u64 {
        return Err(io::Error::other(format!("{name} has {} bytes, not {length}", place.size)));
    }
    for step in steps {
        write(&disk, &place, step)?;
        disk.sync_all()?;
    }
    Ok(())
}

/// Writes one step, piece by piece.
fn write(disk: &File, place: &BootFile, step: &Step) -> io::Result<()> {
    let (mut skip, mut rest) = (step.at as u64, step.bytes.as_slice());
    for extent in &place.extents {
        let room = extent.length.saturating_sub(skip);
        let (now, later) = rest.split_at(rest.len().min(usize::try_from(room).map_err(io::Error::other)?));
        if !now.is_empty() {
            disk.write_all_at(now, extent.offset + skip)?;
        }
        (skip, rest) = (skip.saturating_sub(extent.length), later);
    }
    if rest.is_empty() { Ok(()) } else { Err(io::Error::other("the step goes beyond the file")) }
}

#[cfg(test)]
#[path = "config_file_tests.rs"]
pub(crate) mod tests;
