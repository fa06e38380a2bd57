//! Where the chunks come from that the device does not hold: a bundle that streams by, or ranges of a repository's pack.

use std::io::{self, Read};

/// The pack of a version.
pub trait Pack {
    /// Fills `out` with the bytes from `at` on. Places come in rising order.
    ///
    /// # Errors
    /// When they cannot be had.
    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

/// A pack that streams by, from its first byte.
pub struct Stream<R> {
    source: R,
    at: u64,
}

impl<R: Read> Stream<R> {
    /// The next byte of `source` is the pack's first.
    pub const fn new(source: R) -> Self {
        Self { source, at: 0 }
    }
}

impl<R: Read> Pack for Stream<R> {
    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let skip = at.checked_sub(self.at).ok_or_else(|| io::Error::other("the bundle has passed by"))?;
        if io::copy(&mut Read::by_ref(&mut self.source).take(skip), &mut io::sink())? < skip {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.source.read_exact(out)?;
        self.at = at + out.len() as u64;
        Ok(())
    }
}
