//! Clears the counter of starts, which `tayberry-init` keeps on the config partition.

use std::io;

use tayberry_format::boot_counter::{BYTES, Counter};
use tayberry_format::config_partition::STATE;
use tayberry_format::slot::Slot;

use crate::device::config_file;

/// Bytes of the file.
const FILE: usize = 4096;

/// The slot that was left because it was damaged, if the system has not worked since.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub fn left(disk: &str) -> io::Result<Option<Slot>> {
    let held = config_file::read(disk, STATE, FILE)?;
    let counter = held.first_chunk::<BYTES>().and_then(Counter::decode);
    let counter =
        counter.ok_or_else(|| io::Error::other(format!("{STATE} is missing, or holds something else")))?;
    Ok(counter.left)
}

/// The system works: starts are counted from here.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn clear(disk: &str) -> io::Result<()> {
    left(disk)?;
    let mut file = [0; FILE];
    file[..BYTES].copy_from_slice(&Counter::default().encode());
    config_file::overwrite(disk, STATE, &file)
}
