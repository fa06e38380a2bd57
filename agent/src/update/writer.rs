//! Writes a region of a partition from front to back, on a thread of its own: while the drive takes one buffer, the next is
//! filled. Blocks that hold the right bytes already are not written again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use crate::update::direct::{Aligned, BLOCK, BUFFER};

/// Buffers of a region: one is filled, one is written, and one waits, so that a short pause of one side does not stop the other.
const BUFFERS: usize = 3;

/// A region being written.
pub struct Writer<'scope> {
    filling: Piece,
    spare: Vec<Piece>,
    /// To the thread.
    full: SyncSender<Piece>,
    /// From the thread, in the same order.
    empty: Receiver<Piece>,
    thread: ScopedJoinHandle<'scope, io::Result<u64>>,
    /// The drive has taken what lies before this byte of the partition.
    taken: u64,
}

impl<'scope> Writer<'scope> {
    /// A region that begins at `at`, a whole number of blocks.
    #[must_use]
    pub fn new<'env>(scope: &'scope Scope<'scope, 'env>, file: &'env File, at: u64) -> Self {
        let (full, pieces) = sync_channel::<Piece>(BUFFERS);
        let (done, empty) = sync_channel(BUFFERS);
        let thread = scope.spawn(move || {
            let mut written = 0;
            for piece in pieces {
                written += piece.write(file)?;
                // At the end of the region nobody takes it back.
                drop(done.send(piece));
            }
            Ok(written)
        });
        let mut spare: Vec<Piece> = std::iter::repeat_with(Piece::new).take(BUFFERS).collect();
        let filling = spare.pop().unwrap_or_else(Piece::new).begin(at);
        Self { filling, spare, full, empty, thread, taken: at }
    }

    /// Appends `bytes`. `there` says that the partition holds them already.
    ///
    /// # Errors
    /// When the drive has refused something before; [`Self::leave`] says why.
    pub fn put(&mut self, mut bytes: &[u8], there: bool) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = self.filling.fill(bytes, there);
            if self.filling.filled == BUFFER {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// What lies before this byte of the partition was handed over; what follows may still be in a buffer.
    #[must_use]
    pub fn handed(&self) -> u64 {
        self.filling.at
    }

    /// Waits until the drive has taken whatever was handed over and lies before byte `end` of the partition.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn wait_for(&mut self, end: u64) -> io::Result<()> {
        while self.taken < end.min(self.filling.at) {
            let piece = self.take_back()?;
            self.spare.push(piece);
        }
        Ok(())
    }

    /// Writes what is left; the region is a whole number of blocks. Returns the bytes that were written in all. They are on
    /// the drive only after its own cache was flushed.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn finish(self) -> io::Result<u64> {
        let whole = self.filling.filled.is_multiple_of(BLOCK);
        if whole {
            // A thread that has ended before says why.
            drop(self.full.send(self.filling));
        }
        drop(self.full);
        let written = self.thread.join().unwrap_or_else(|_| Err(gone()))?;
        if whole { Ok(written) } else { Err(io::Error::other("a region that is no whole number of blocks")) }
    }

    /// Writes the whole blocks of what there is: the region goes on another time, and finds them.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn leave(mut self) -> io::Result<u64> {
        self.filling.filled -= self.filling.filled % BLOCK;
        self.finish()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let next = match self.spare.pop() {
            Some(piece) => piece,
            None => self.take_back()?,
        };
        let next = next.begin(self.filling.end());
        self.full.send(std::mem::replace(&mut self.filling, next)).map_err(|_| gone())
    }

    fn take_back(&mut self) -> io::Result<Piece> {
        let piece = self.empty.recv().map_err(|_| gone())?;
        self.taken = piece.end();
        Ok(piece)
    }
}

fn gone() -> io::Error {
    io::Error::other("nothing more is written")
}

/// A buffer and where it belongs.
struct Piece {
    buffer: Aligned,
    /// In bytes of the partition.
    at: u64,
    filled: usize,
    /// Blocks that must be written.
    changed: Vec<bool>,
}

impl Piece {
    fn new() -> Self {
        Self { buffer: Aligned::new(), at: 0, filled: 0, changed: vec![false; BUFFER / BLOCK] }
    }

    fn begin(mut self, at: u64) -> Self {
        self.changed.fill(false);
        Self { at, filled: 0, ..self }
    }

    fn end(&self) -> u64 {
        self.at + self.filled as u64
    }

    /// Takes what there is room for; returns the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8], there: bool) -> &'b [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(BUFFER - self.filled));
        let end = self.filled + now.len();
        self.buffer.get_mut(self.filled, end).copy_from_slice(now);
        if !there {
            self.changed[self.filled / BLOCK..end.div_ceil(BLOCK)].fill(true);
        }
        self.filled = end;
        later
    }

    /// Writes each run of changed blocks.
    fn write(&self, file: &File) -> io::Result<u64> {
        let blocks = self.filled / BLOCK;
        let (mut block, mut written) = (0, 0);
        while block < blocks {
            let run = self.changed[block..blocks].iter().take_while(|changed| **changed).count();
            if run > 0 {
                let (from, to) = (block * BLOCK, (block + run) * BLOCK);
                file.write_all_at(self.buffer.get(from, to), self.at + from as u64)?;
                written += (to - from) as u64;
            }
            block += run.max(1);
        }
        Ok(written)
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
        let written = std::thread::scope(|scope| {
            let mut writer = Writer::new(scope, &file, BLOCK as u64);
            writer.put(&old[..BUFFER + 100], true).unwrap();
            writer.put(&[2; 50], false).unwrap();
            writer.put(&old[..BLOCK - 150], true).unwrap();
            writer.put(&[3; BLOCK], false).unwrap();
            writer.finish().unwrap()
        });
        assert_eq!(written, 2 * BLOCK as u64);
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
        std::thread::scope(|scope| {
            let mut writer = Writer::new(scope, &file, 0);
            writer.put(&[1; 100], false).unwrap();
            assert!(writer.finish().is_err());
        });
        assert_eq!(std::fs::read(drive.path()).unwrap(), [0; BLOCK]);
    }

    #[test]
    fn what_was_waited_for_can_be_read() {
        let drive = drive(&vec![0; 8 * BUFFER]);
        let file = open(drive.path()).unwrap();
        std::thread::scope(|scope| {
            let mut writer = Writer::new(scope, &file, 0);
            let mut buffer = Aligned::new();
            for number in 1..=8_u8 {
                writer.put(&vec![number; BUFFER], false).unwrap();
                let end = u64::from(number) * BUFFER as u64;
                writer.wait_for(end).unwrap();
                let last = crate::update::direct::read_at(&file, &mut buffer, end - 5, 5).unwrap();
                assert_eq!(last, [number; 5]);
            }
            assert_eq!(writer.finish().unwrap(), 8 * BUFFER as u64);
        });
    }

    #[test]
    fn a_drive_that_refuses_is_heard_of() {
        // Opened for reading alone.
        let drive = drive(&vec![0; 8 * BUFFER]);
        let file = File::open(drive.path()).unwrap();
        std::thread::scope(|scope| {
            let mut writer = Writer::new(scope, &file, 0);
            while writer.put(&[1; BLOCK], false).is_ok() {}
            assert_eq!(writer.leave().unwrap_err().raw_os_error(), Some(nix::libc::EBADF));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_pieces_give_the_whole(pieces in prop::collection::vec((1_usize..200_000, any::<bool>(), any::<u8>()), 1..20)) {
            let old: Vec<u8> = (0..4_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
            let drive = drive(&old);
            let file = open(drive.path()).unwrap();
            let mut wanted = old.clone();
            let mut at = 0;
            let (written, end) = std::thread::scope(|scope| {
                let mut writer = Writer::new(scope, &file, 0);
                for (length, there, byte) in pieces {
                    if !there {
                        wanted[at..at + length].fill(byte);
                    }
                    writer.put(&wanted[at..at + length], there).unwrap();
                    at += length;
                }
                let end = at.next_multiple_of(BLOCK);
                writer.put(&old[at..end], true).unwrap();
                (writer.finish().unwrap(), end)
            });
            prop_assert!(written <= end as u64);
            prop_assert!(std::fs::read(drive.path()).unwrap() == wanted);
        }
    }
}
