//! Writes a region of a partition from front to back. Blocks that hold the right bytes already are not written again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::update::direct::{Aligned, BLOCK, BUFFER};

/// A region being written.
pub struct Writer<'a> {
    file: &'a File,
    buffer: Aligned,
    /// Where the buffer belongs, in bytes.
    at: u64,
    filled: usize,
    /// Blocks of the buffer that must be written.
    changed: Vec<bool>,
    written: u64,
}

impl<'a> Writer<'a> {
    /// A region that begins at `at`, a whole number of blocks.
    #[must_use]
    pub fn new(file: &'a File, at: u64) -> Self {
        Self { file, buffer: Aligned::new(), at, filled: 0, changed: vec![false; BUFFER / BLOCK], written: 0 }
    }

    /// Appends `bytes`. `there` says that the partition holds them already.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn put(&mut self, mut bytes: &[u8], there: bool) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BUFFER - self.filled));
            let end = self.filled + now.len();
            self.buffer.get_mut(self.filled, end).copy_from_slice(now);
            if !there {
                self.changed[self.filled / BLOCK..end.div_ceil(BLOCK)].fill(true);
            }
            (self.filled, bytes) = (end, later);
            if self.filled == BUFFER {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what is left; the region is a whole number of blocks. Returns the bytes that were written in all. They are on
    /// the drive only after its own cache was flushed.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.written)
    }

    /// Writes the whole blocks of what there is: the region goes on another time, and finds them.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn leave(mut self) -> io::Result<u64> {
        self.filled -= self.filled % BLOCK;
        self.finish()
    }

    /// Writes each run of changed blocks.
    fn flush(&mut self) -> io::Result<()> {
        if !self.filled.is_multiple_of(BLOCK) {
            return Err(io::Error::other("a region that is no whole number of blocks"));
        }
        let blocks = self.filled / BLOCK;
        let mut block = 0;
        while block < blocks {
            let run = self.changed[block..blocks].iter().take_while(|changed| **changed).count();
            if run > 0 {
                let (from, to) = (block * BLOCK, (block + run) * BLOCK);
                self.file.write_all_at(self.buffer.get(from, to), self.at + from as u64)?;
                self.written += (to - from) as u64;
            }
            block += run.max(1);
        }
        self.changed.fill(false);
        self.at += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::update::direct::open;

    fn drive(bytes: &[u8]) -> tempfile::NamedTempFile {
        let drive = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        std::fs::write(drive.path(), bytes).unwrap();
        drive
    }

    #[test]
    fn only_what_changed_is_written() {
        let old = vec![1; 3 * BUFFER];
        let drive = drive(&old);
        let file = open(drive.path()).unwrap();
        let mut writer = Writer::new(&file, BLOCK as u64);
        writer.put(&old[..BUFFER + 100], true).unwrap();
        writer.put(&[2; 50], false).unwrap();
        writer.put(&old[..BLOCK - 150], true).unwrap();
        writer.put(&[3; BLOCK], false).unwrap();
        assert_eq!(writer.finish().unwrap(), 2 * BLOCK as u64);
        let mut wanted = old;
        let place = BLOCK + BUFFER;
        wanted[place + 100..place + 150].fill(2);
        wanted[place + BLOCK..place + 2 * BLOCK].fill(3);
        assert!(std::fs::read(drive.path()).unwrap() == wanted);
    }

    #[test]
    fn a_region_that_does_not_end_with_a_block_is_refused() {
        let drive = drive(&[0; BLOCK]);
        let file = open(drive.path()).unwrap();
        let mut writer = Writer::new(&file, 0);
        writer.put(&[1; 100], false).unwrap();
        assert!(writer.finish().is_err());
        assert_eq!(std::fs::read(drive.path()).unwrap(), [0; BLOCK]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_pieces_give_the_whole(pieces in prop::collection::vec((1_usize..200_000, any::<bool>(), any::<u8>()), 1..20)) {
            let old: Vec<u8> = (0..4_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
            let drive = drive(&old);
            let file = open(drive.path()).unwrap();
            let mut wanted = old.clone();
            let mut writer = Writer::new(&file, 0);
            let mut at = 0;
            for (length, there, byte) in pieces {
                if !there {
                    wanted[at..at + length].fill(byte);
                }
                writer.put(&wanted[at..at + length], there).unwrap();
                at += length;
            }
            let end = at.next_multiple_of(BLOCK);
            writer.put(&old[at..end], true).unwrap();
            prop_assert!(writer.finish().unwrap() <= end as u64);
            prop_assert!(std::fs::read(drive.path()).unwrap() == wanted);
        }
    }
}
