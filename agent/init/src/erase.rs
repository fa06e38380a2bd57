//! The end of a factory reset that somebody began: every byte of the data partition goes, and it gets a new key. It can be cut off
//! anywhere and begins again: one copy of the key block says so until the new key stands in the other.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use tayberry_format::keyblock::{BLOCK, COPIES, Contents, Key, KeyBlock, PAYLOAD};

use crate::watchdog::{self, Watchdog};
use crate::{block, steps};

/// So many bytes are discarded before the watchdog is fed: a large drive takes longer than that waits.
const PIECE: u64 = 1 << 30;

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrapper; it is called in one place below")]
    // BLKDISCARD of linux/fs.h: _IO(0x12, 119), with the first byte and the number of bytes.
    nix::ioctl_write_ptr_bad!(blkdiscard, nix::request_code_none!(0x12, 119), [u64; 2]);
}

/// Destroys everything; returns the new key block, which stands in both copies by then.
///
/// # Errors
/// When the drive refuses to write. A drive that cannot discard keeps noise: the key to it is overwritten.
pub(crate) fn all(
    file: &File,
    partition: &str,
    key: Key,
    watchdog: Option<&Watchdog>,
) -> io::Result<KeyBlock> {
    steps::say("factory reset: everything on the data partition is destroyed");
    for offset in COPIES {
        write(file, &KeyBlock::erase(), offset)?;
    }
    let bytes = block::bytes(partition).ok_or_else(|| io::Error::other("its size is unknown"))?;
    let mut from = PAYLOAD;
    while from < bytes && discard(file, from, PIECE.min(bytes - from)) {
        watchdog::feed(watchdog);
        from += PIECE;
    }
    let block = KeyBlock { key, contents: Contents::Blank };
    // The first copy says that there is something to end until the second holds the new key. What a discarded block reads as is the
    // drive's affair.
    for offset in COPIES.into_iter().rev() {
        discard(file, offset, BLOCK as u64);
        write(file, &block.encode(), offset)?;
    }
    Ok(block)
}

fn write(file: &File, block: &[u8; BLOCK], offset: u64) -> io::Result<()> {
    file.write_all_at(block, offset)?;
    file.sync_all()
}

/// Tells the drive that nobody needs these bytes; false if it does not listen.
#[allow(unsafe_code, reason = "one ioctl with a pointer to a local array")]
fn discard(file: &File, from: u64, bytes: u64) -> bool {
    let range = [from, bytes];
    // SAFETY: the descriptor is open, and the range outlives the call.
    let discarded = unsafe { ioctl::blkdiscard(file.as_raw_fd(), &raw const range) };
    if let Err(errno) = discarded {
        steps::say(&format!("factory reset: the drive does not discard {bytes} bytes at {from}: {errno}"));
    }
    discarded.is_ok()
}
