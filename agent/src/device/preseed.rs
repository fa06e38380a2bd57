//! Reads the preseed file from the config partition.

use std::io;

use tayberry_format::preseed;

use crate::device::config_file;

/// The file as it lies on the disk; empty when there is none.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str) -> io::Result<Vec<u8>> {
    config_file::read(disk, preseed::FILE, preseed::BYTES)
}
