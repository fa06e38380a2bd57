//! Direct I/O: what is read comes from the drive and what is written is there, and the page cache keeps what the services need.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// What the kernel asks of addresses, lengths and memory for direct I/O, at most (open(2), O_DIRECT), in bytes.
pub const BLOCK: usize = 4096;
/// Bytes of one read or write.
pub const BUFFER: usize = 1 << 20;

/// Memory that direct I/O may use.
pub struct Aligned {
    bytes: Vec<u8>,
    start: usize,
}

impl Aligned {
    /// [`BUFFER`] bytes.
    #[must_use]
    pub fn new() -> Self {
        let bytes = vec![0; BUFFER + BLOCK];
        let start = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, start }
    }

    /// A part of it.
    #[must_use]
    pub fn get(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[self.start + from..self.start + to]
    }

    /// A part of it, to be filled.
    pub fn get_mut(&mut self, from: usize, to: usize) -> &mut [u8] {
        &mut self.bytes[self.start + from..self.start + to]
    }
}

impl Default for Aligned {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a partition, or a file that stands for one, for direct I/O.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_DIRECT.bits()).open(path)
}

/// Consecutive bytes, read from the drive.
pub struct Reader<'a> {
    file: &'a File,
    buffer: Aligned,
    /// Where the buffer's first byte lies, in bytes.
    at: u64,
    /// What of the buffer was not given yet.
    from: usize,
    filled: usize,
    end: u64,
}

impl<'a> Reader<'a> {
    /// The bytes from `start`, a whole number of blocks, to `end`.
    #[must_use]
    pub fn new(file: &'a File, start: u64, end: u64) -> Self {
        Self { file, buffer: Aligned::new(), at: start, from: 0, filled: 0, end }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.from == self.filled {
            self.at += self.filled as u64;
            let length = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(BUFFER);
            let whole = length.next_multiple_of(BLOCK).min(BUFFER);
            let read =
                if length == 0 { 0 } else { self.file.read_at(self.buffer.get_mut(0, whole), self.at)? };
            (self.from, self.filled) = (0, read.min(length));
        }
        let now = out.len().min(self.filled - self.from);
        out[..now].copy_from_slice(self.buffer.get(self.from, self.from + now));
        self.from += now;
        Ok(now)
    }
}

/// Reads `bytes` bytes at `offset`, which need not be a block's.
///
/// # Errors
/// When the drive refuses or ends, or more than [`BUFFER`] less a block is asked for.
pub fn read_at<'b>(file: &File, buffer: &'b mut Aligned, offset: u64, bytes: usize) -> io::Result<&'b [u8]> {
    let skip = usize::try_from(offset % BLOCK as u64).map_err(io::Error::other)?;
    let whole = (skip + bytes).next_multiple_of(BLOCK);
    if whole > BUFFER {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    file.read_exact_at(buffer.get_mut(0, whole), offset - skip as u64)?;
    Ok(buffer.get(skip, skip + bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_place_is_read() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let drive = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        std::fs::write(drive.path(), &bytes).unwrap();
        let file = open(drive.path()).unwrap();
        let mut buffer = Aligned::new();
        for (offset, length) in [(0, 1), (5, 4096), (4096, 4096), (1_000_001, 70_000), (4095, 2)] {
            let read = read_at(&file, &mut buffer, offset as u64, length).unwrap();
            assert_eq!(read, &bytes[offset..offset + length], "{offset}");
        }
        assert!(read_at(&file, &mut buffer, 1, BUFFER).is_err());
        for end in [4096, 4097, 5000, 2_999_000] {
            let mut read = Vec::new();
            Reader::new(&file, 4096, end as u64).read_to_end(&mut read).unwrap();
            assert!(read == bytes[4096..end], "{end}");
        }
    }
}
