//! Reads the preseed file from the config partition, and replaces it once it was taken over.

use std::io;

use tayberry_core::replace;
use tayberry_format::preseed;

use crate::device::config_file;

/// The file as it lies on the disk; empty when there is none.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str) -> io::Result<Vec<u8>> {
    config_file::read(disk, preseed::FILE, preseed::BYTES)
}

/// Makes the file `new`, which is as long as it is.
///
/// # Errors
/// When the disk cannot be written.
pub fn replace(disk: &str, new: &[u8]) -> io::Result<()> {
    config_file::replace(disk, preseed::FILE, new.len(), &replace::steps(new))
}
