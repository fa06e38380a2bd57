//! The data partition: made and grown at first boot, opened with its key at every boot. A failure does not stop the
//! boot: the agent comes up without data, says why, and nothing on the partition is changed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};
use tayberry_format::boot_report::Data;
use tayberry_format::keyblock::{BLOCK, COPIES, Contents, Found, Key, KeyBlock};
use tayberry_format::layout::{DATA_NUMBER, SECTOR};
use tayberry_format::table::{self, DataPartition};

use crate::watchdog::Watchdog;
use crate::{block, crypt, erase, steps};

/// What became of it, and the machine id that belongs to this key.
pub(crate) struct Opened {
    pub(crate) state: Data,
    pub(crate) machine_id: Option<String>,
}

/// What is wanted of a partition that has no key yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It gets one, and its place in the table.
    Made,
    /// It stays as it is, and so does the table.
    Existing,
}

pub(crate) fn open(disk: &str, wish: Wish, watchdog: Option<&Watchdog>) -> Opened {
    match try_open(disk, wish, watchdog) {
        Ok(opened) => opened,
        Err(error) => {
            let why = format!("the data partition of {disk} cannot be used: {error}");
            steps::say(&why);
            Opened { state: Data::Unavailable { why }, machine_id: None }
        }
    }
}

fn try_open(disk: &str, wish: Wish, watchdog: Option<&Watchdog>) -> io::Result<Opened> {
    if wish == Wish::Made {
        ensure_partition(disk)?;
    }
    let partition = block::partition(disk, DATA_NUMBER);
    let made = wish == Wish::Made;
    let file = OpenOptions::new().read(true).write(made).open(block::path(&partition))?;
    let mut copies = [[0; BLOCK]; 2];
    for (copy, offset) in copies.iter_mut().zip(COPIES) {
        if let Err(error) = file.read_exact_at(copy, offset) {
            steps::say(&format!("a copy of the key of {partition}: {error}"));
            // Not zeros: what cannot be read must not look as if it had never been written.
            copy.fill(0xff);
        }
    }
    let (block, rewrite) = match KeyBlock::judge(&copies) {
        Found::None if wish == Wish::Existing => return Err(io::Error::other("it is empty")),
        Found::None => (KeyBlock { key: new_key()?, contents: Contents::Blank }, true),
        Found::Key { block, rewrite } => (block, rewrite),
        Found::Erase if wish == Wish::Existing => {
            return Err(io::Error::other("everything on it is being destroyed"));
        }
        Found::Erase => (erase::all(&file, &partition, new_key()?, watchdog)?, false),
        Found::Damaged => return Err(io::Error::other("both copies of its key are damaged")),
    };
    if rewrite && made {
        for offset in COPIES {
            file.write_all_at(&block.encode(), offset)?;
            file.sync_all()?;
        }
    }
    let device = crypt::open(&partition, &block.key)?;
    let blank = block.contents == Contents::Blank;
    Ok(Opened { state: Data::Open { device, partition, blank }, machine_id: Some(machine_id(&block.key)) })
}

/// Adds the partition to the table, or grows it to the end of the disk, and tells the kernel.
fn ensure_partition(disk: &str) -> io::Result<()> {
    let bytes = block::bytes(disk).ok_or_else(|| io::Error::other("the disk's size is unknown"))?;
    let path = block::path(disk);
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    let (partition, changed) = table::ensure_data(&mut file, bytes).map_err(io::Error::other)?;
    if changed {
        file.sync_all()?;
    }
    let known = block::bytes(&block::partition(disk, DATA_NUMBER));
    let wanted = (partition.last + 1 - partition.first) * SECTOR;
    if known == Some(wanted) { Ok(()) } else { announce(&file, partition, known.is_some()) }
}

/// `struct blkpg_partition` and `struct blkpg_ioctl_arg` of linux/blkpg.h.
#[repr(C)]
struct BlkpgPartition {
    start: i64,
    length: i64,
    number: i32,
    names: [u8; 128],
}

#[repr(C)]
struct BlkpgArgument {
    operation: i32,
    flags: i32,
    length: i32,
    data: *mut BlkpgPartition,
}

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrapper; it is called in one place below")]
    // BLKPG of linux/blkpg.h: _IO(0x12, 105).
    nix::ioctl_write_ptr_bad!(blkpg, nix::request_code_none!(0x12, 105), super::BlkpgArgument);
}

/// Tells the kernel of the one changed partition; reading the whole table again is refused while others are in use.
#[allow(unsafe_code, reason = "one ioctl with pointers to local structures")]
fn announce(disk: &File, partition: DataPartition, resize: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    const ADD: i32 = 1;
    const RESIZE: i32 = 3;
    let signed = |sectors: u64| i64::try_from(sectors * SECTOR).map_err(io::Error::other);
    let mut entry = BlkpgPartition {
        start: signed(partition.first)?,
        length: signed(partition.last + 1 - partition.first)?,
        number: i32::try_from(DATA_NUMBER).map_err(io::Error::other)?,
        names: [0; 128],
    };
    let length = i32::try_from(size_of::<BlkpgPartition>()).map_err(io::Error::other)?;
    let operation = if resize { RESIZE } else { ADD };
    let argument = BlkpgArgument { operation, flags: 0, length, data: &raw mut entry };
    // SAFETY: the descriptor is open; `argument` points to `entry`, and both outlive the call.
    unsafe { ioctl::blkpg(disk.as_raw_fd(), &raw const argument) }?;
    Ok(())
}

/// A key from the kernel's random number generator; the read waits until that is ready.
fn new_key() -> io::Result<Key> {
    use std::io::Read;
    let mut key = [0; 64];
    File::open("/dev/random")?.read_exact(&mut key)?;
    Ok(Key(key))
}

/// An identity that stays with the data and vanishes with it (machine-id(5)); it says nothing about the key.
fn machine_id(key: &Key) -> String {
    let digest = Sha256::new().chain_update(b"tayberry machine id").chain_update(key.0).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    // Version 4, variant 1, as machine-id(5) asks.
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    hex::encode(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_id_belongs_to_its_key() {
        let id = machine_id(&Key([1; 64]));
        assert_eq!(id.len(), 32);
        assert_eq!(id, machine_id(&Key([1; 64])));
        assert_ne!(id, machine_id(&Key([2; 64])));
    }
}
