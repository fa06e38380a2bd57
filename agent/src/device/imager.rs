//! Reads what Raspberry Pi Imager wrote into the config partition, and replaces it once it was taken over.

use std::io;

use tayberry_core::replace;
use tayberry_format::imager::{BYTES, Files, NETWORK_CONFIG, USER_DATA};

use crate::device::config_file;

/// The files as they lie on the disk; empty where there is none.
///
/// # Errors
/// When the config partition is damaged, or the disk cannot be read.
pub fn read(disk: &str) -> io::Result<Files> {
    Ok(Files {
        user_data: config_file::read(disk, USER_DATA, BYTES)?,
        network_config: config_file::read(disk, NETWORK_CONFIG, BYTES)?,
    })
}

/// Makes `old` files `new`, which are as long as they are.
///
/// # Errors
/// When the disk cannot be written.
pub fn replace(disk: &str, old: &Files, new: &Files) -> io::Result<()> {
    let pairs = [
        (USER_DATA, &old.user_data, &new.user_data),
        (NETWORK_CONFIG, &old.network_config, &new.network_config),
    ];
    pairs
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .try_for_each(|(name, _, new)| config_file::replace(disk, name, new.len(), &replace::steps(new)))
}
