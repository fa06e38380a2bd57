//! Reads a sparse file as a stream, without asking the file system for its holes: a disk image is mostly holes, and each
//! page of them would be made, kept and copied.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// A sparse file, read from its beginning. Several may read one file at the same time.
pub struct Sparse<'a> {
    file: &'a File,
    /// Where data is, ascending.
    data: &'a [Range<u64>],
    at: u64,
    bytes: u64,
}

impl<'a> Sparse<'a> {
    /// Reads `file`, whose data lies in `data` ([`crate::bmap::data`]).
    ///
    /// # Errors
    /// When the file's length cannot be asked for.
    pub fn new(file: &'a File, data: &'a [Range<u64>]) -> io::Result<Self> {
        Ok(Self { file, data, at: 0, bytes: file.metadata()?.len() })
    }
}

impl Read for Sparse<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.data.first().is_some_and(|range| range.end <= self.at) {
            self.data = &self.data[1..];
        }
        let (in_data, end) = match self.data.first() {
            Some(range) if range.start <= self.at => (true, range.end),
            Some(range) => (false, range.start),
            None => (false, self.bytes),
        };
        let left = usize::try_from(end.min(self.bytes) - self.at).unwrap_or(usize::MAX);
        let part = left.min(buffer.len());
        let buffer = &mut buffer[..part];
        if in_data {
            self.file.read_exact_at(buffer, self.at)?;
        } else {
            buffer.fill(0);
        }
        self.at += part as u64;
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_data_come_in_their_order() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"first", 1 << 20).unwrap();
        file.write_all_at(b"second", 5 << 20).unwrap();
        file.set_len((7 << 20) + 3).unwrap();
        let data = crate::bmap::data(&file).unwrap();
        let mut read = Vec::new();
        Sparse::new(&file, &data).unwrap().read_to_end(&mut read).unwrap();
        let mut expected = vec![0; (7 << 20) + 3];
        expected[1 << 20..][..5].copy_from_slice(b"first");
        expected[5 << 20..][..6].copy_from_slice(b"second");
        assert!(read == expected);
    }
}
