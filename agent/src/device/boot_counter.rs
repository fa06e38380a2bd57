//! The counters of starts: the one that `tayberry-init` keeps on the config partition, and the firmware's.

use std::io;

use tayberry_format::boot_counter::{BYTES, Counter};
use tayberry_format::config_partition::STATE;

use crate::device::config_file;
use crate::device::mailbox::Mailbox;

/// Bytes of the file.
const FILE: usize = 4096;

/// The counter.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub fn read(disk: &str) -> io::Result<Counter> {
    let held = config_file::read(disk, STATE, FILE)?;
    let counter = held.first_chunk::<BYTES>().and_then(Counter::decode);
    counter.ok_or_else(|| io::Error::other(format!("{STATE} is missing, or holds something else")))
}

/// Writes it.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn write(disk: &str, counter: Counter) -> io::Result<()> {
    read(disk)?;
    let mut file = [0; FILE];
    file[..BYTES].copy_from_slice(&counter.encode());
    config_file::overwrite(disk, STATE, &file)
}

/// The system works: starts are counted from here.
pub fn clear(disk: &str) {
    begin_anew(disk, Counter::default());
}

/// Writes the counter, and has the firmware count anew, too. What does not work is logged: at worst the device goes to rescue once
/// more than it must.
pub fn begin_anew(disk: &str, counter: Counter) {
    note(disk, counter);
    if let Err(error) = Mailbox::open().and_then(|mut mailbox| mailbox.clear_boot_count()) {
        tracing::warn!("the firmware's counter of starts: {error}");
    }
}

/// Writes the counter; what does not work is logged.
pub fn note(disk: &str, counter: Counter) {
    if let Err(error) = write(disk, counter) {
        tracing::warn!("the counter of starts: {error}");
    }
}
