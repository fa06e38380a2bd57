//! The ioctl of `/dev/vcio`: hands a property buffer to the firmware, which answers in place. The only unsafe code of
//! the mailbox.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use tayberry_format::property;

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrapper; it is called in one place below")]
    // _IOWR(100, 0, char *): the size in the number is that of a pointer (drivers/char/broadcom/vcio.c in
    // github.com/raspberrypi/linux).
    const PROPERTY: u64 = nix::request_code_readwrite!(100, 0, size_of::<*mut u8>());
    nix::ioctl_readwrite_bad!(property, PROPERTY, u8);
}

/// Sends `buffer` and returns the answer. The kernel waits for the firmware for at most a second.
///
/// # Errors
/// With the kernel's own reason; `EINVAL` when the firmware refuses the buffer.
#[allow(unsafe_code, reason = "one ioctl with a pointer to a buffer of known length")]
pub(super) fn exchange(vcio: &File, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
    let claimed = buffer.first_chunk().and_then(|first| property::size(*first).ok());
    if claimed != Some(buffer.len()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the buffer's first word is not its length"));
    }
    // SAFETY: the descriptor is open; the kernel reads and writes no more bytes than the first word says, which is the
    // length of `buffer`, as was just checked.
    unsafe { ioctl::property(vcio.as_raw_fd(), buffer.as_mut_ptr()) }?;
    Ok(buffer)
}
