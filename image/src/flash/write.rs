//! Writes an image to a drive in one pass, reads it back, and only then gives the drive its partition table.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest, Sha256};
use tayberry_format::layout::{self, MIB};
use tayberry_format::preseed;

use crate::flash::plan::{Extent, HEAD};
use crate::ui::{Stage, Ui, human};

/// Bytes handled at once. A divisor of [`HEAD`].
const CHUNK: usize = 1 << 20;
/// Chunks under way between reading and writing.
const DEPTH: usize = 4;
/// Bytes after which written data is flushed, so that the bar shows what the drive has, not what memory has.
const FLUSH_EVERY: u64 = 64 * MIB;
/// End of the drive that is erased: a backup partition table of what was there before (UEFI specification 2.10,
/// section 5.3.2), or RAID superblocks.
const TAIL: u64 = MIB;
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// A drive as the writer sees it. Offsets in bytes from its beginning.
pub trait Target: Sync {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// When the drive refuses them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills all of `buffer`.
    ///
    /// # Errors
    /// When the drive cannot read that.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Waits until everything written is on the drive.
    ///
    /// # Errors
    /// When the drive failed meanwhile.
    fn flush(&self) -> io::Result<()>;
    /// Drops what memory knows of the drive, so that the next reads come from the drive. Called after [`Self::flush`].
    ///
    /// # Errors
    /// When the kernel refuses.
    fn forget(&self) -> io::Result<()>;
}

impl Target for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn forget(&self) -> io::Result<()> {
        // Length 0 means up to the end. Only clean pages go: the data was flushed before.
        Ok(posix_fadvise(self, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
    }
}

/// Why writing stopped. The drive has no partition table then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The image ended early, or its compressed stream is damaged.
    #[error("the image cannot be read behind byte {at}: {error}; fetch or build it again")]
    Image {
        /// Bytes that were read.
        at: u64,
        /// The reason.
        error: io::Error,
    },
    /// The image is longer than ours are.
    #[error("the image has more than {} bytes; fetch or build it again", layout::IMAGE_BYTES)]
    TooLong,
    /// The image is not what its block map describes.
    #[error("the image differs from its block map in {bytes} bytes from {offset}; fetch or build both again")]
    Altered {
        /// First byte of the run.
        offset: u64,
        /// Length of the run.
        bytes: u64,
    },
    /// The drive failed.
    #[error("the drive cannot {what} at byte {offset}: {error}; try another drive or reader")]
    Drive {
        /// `write`, `read` or `flush`.
        what: &'static str,
        /// Where.
        offset: u64,
        /// The reason.
        error: io::Error,
    },
    /// The drive gives back something else.
    #[error(
        "the drive gives back something else than was written in {bytes} bytes from {offset}: it is worn, smaller than \
         it says, or badly connected; use another one"
    )]
    Differs {
        /// First byte of the run.
        offset: u64,
        /// Length of the run.
        bytes: u64,
    },
    /// A thread ended without a word.
    #[error("the writing thread stopped; this is a mistake in tayberry, please report it")]
    Thread,
}

fn drive(what: &'static str, offset: u64) -> impl FnOnce(io::Error) -> WriteError {
    move |error| WriteError::Drive { what, offset, error }
}

/// What to write where.
pub struct Job<'a> {
    /// The drive.
    pub target: &'a dyn Target,
    /// Its size in bytes; at least [`layout::SMALLEST_DISK`].
    pub target_bytes: u64,
    /// What to write of the image ([`crate::flash::plan::plan`]).
    pub extents: &'a [Extent],
    /// The preseed file and its place on the disk.
    pub preseed: Option<(u64, [u8; preseed::BYTES])>,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Bytes written.
    pub bytes: u64,
    /// Seconds until everything was on the drive.
    pub write_seconds: f64,
    /// Seconds for reading back.
    pub verify_seconds: f64,
}

/// What is known of the image after it streamed by.
struct Copied {
    /// The beginning that is not on the drive yet.
    head: Vec<u8>,
    /// SHA-256 of each extent.
    digests: Vec<[u8; 32]>,
}

impl Job<'_> {
    /// Erases, writes, verifies, and writes the partition table last.
    ///
    /// # Errors
    /// When image or drive fail; the drive has no partition table then and boots nothing.
    pub fn run(&self, image: &mut (dyn Read + Send), ui: Ui) -> Result<Done, WriteError> {
        let bytes = self.extents.iter().map(|extent| extent.bytes).sum();
        let stage = ui.stage("write", Some(bytes));
        self.erase()?;
        let copied = self.copy(image, &stage)?;
        self.flush()?;
        let write_seconds = stage.finish(&human(bytes)).as_secs_f64();
        let stage = ui.stage("verify", Some(bytes));
        self.verify(&copied, &stage)?;
        if let Some((offset, block)) = &self.preseed {
            self.place(block, *offset)?;
        }
        self.place(&copied.head, 0)?;
        let verify_seconds = stage.finish("read back, all equal").as_secs_f64();
        Ok(Done { bytes, write_seconds, verify_seconds })
    }

    fn flush(&self) -> Result<(), WriteError> {
        self.target.flush().map_err(drive("flush", 0))?;
        self.target.forget().map_err(drive("flush", 0))
    }

    /// From here on the drive holds nothing that anyone would boot or mount.
    fn erase(&self) -> Result<(), WriteError> {
        let tail = self.target_bytes.saturating_sub(TAIL);
        for offset in [0, tail] {
            self.target.write_at(&ZEROS, offset).map_err(drive("write", offset))?;
        }
        self.flush()
    }

    /// Writes `bytes` and makes sure that they are there.
    fn place(&self, bytes: &[u8], offset: u64) -> Result<(), WriteError> {
        self.target.write_at(bytes, offset).map_err(drive("write", offset))?;
        self.flush()?;
        let mut back = vec![0; bytes.len()];
        self.target.read_at(&mut back, offset).map_err(drive("read", offset))?;
        if back == bytes { Ok(()) } else { Err(WriteError::Differs { offset, bytes: bytes.len() as u64 }) }
    }

    /// Streams the image by; another thread writes what is to be written.
    fn copy(&self, image: &mut (dyn Read + Send), stage: &Stage) -> Result<Copied, WriteError> {
        std::thread::scope(|scope| {
            let (full, to_write) = sync_channel::<Chunk>(DEPTH);
            let (empty, free) = sync_channel(DEPTH);
            let writer = scope.spawn(move || self.write_chunks(&to_write, &empty, stage));
            let mut reader = Reader { image, at: 0, free, full, made: 0 };
            let copied = reader.run(self.extents);
            drop(reader);
            // The drive's failure explains the reader's.
            writer.join().map_err(|_| WriteError::Thread)??;
            copied
        })
    }

    fn write_chunks(
        &self,
        chunks: &Receiver<Chunk>,
        empty: &SyncSender<Vec<u8>>,
        stage: &Stage,
    ) -> Result<(), WriteError> {
        let mut unflushed = 0;
        for chunk in chunks {
            let bytes = chunk.bytes.len() as u64;
            self.target.write_at(&chunk.bytes, chunk.offset).map_err(drive("write", chunk.offset))?;
            unflushed += bytes;
            if unflushed >= FLUSH_EVERY {
                self.target.flush().map_err(drive("flush", chunk.offset))?;
                unflushed = 0;
            }
            stage.add(bytes);
            // The reader may have gone: then nobody wants the buffer.
            empty.send(chunk.bytes).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads every extent back. The head is not on the drive yet: its part comes from memory.
    fn verify(&self, copied: &Copied, stage: &Stage) -> Result<(), WriteError> {
        let mut buffer = vec![0; CHUNK];
        for (extent, expected) in self.extents.iter().zip(&copied.digests) {
            let mut digest = Sha256::new();
            for (offset, length) in chunks(extent) {
                let piece = &mut buffer[..length];
                if offset < HEAD {
                    let from = usize::try_from(offset).unwrap_or(usize::MAX);
                    piece.copy_from_slice(&copied.head[from..from + length]);
                } else {
                    self.target.read_at(piece, offset).map_err(drive("read", offset))?;
                }
                digest.update(&piece);
                stage.add(length as u64);
            }
            if digest.finalize().as_slice() != expected {
                return Err(WriteError::Differs { offset: extent.offset, bytes: extent.bytes });
            }
        }
        Ok(())
    }
}

/// Offsets and lengths of an extent's chunks; none reaches over the end of the head.
fn chunks(extent: &Extent) -> impl Iterator<Item = (u64, usize)> + use<> {
    let (mut at, end) = (extent.offset, extent.end());
    std::iter::from_fn(move || {
        let aligned = (at + 1).next_multiple_of(CHUNK as u64).min(end);
        let length = usize::try_from(aligned - at).ok().filter(|length| *length > 0)?;
        let offset = std::mem::replace(&mut at, aligned);
        Some((offset, length))
    })
}

/// Bytes for the drive.
struct Chunk {
    offset: u64,
    bytes: Vec<u8>,
}

/// Reads the image and hands over what is to be written.
struct Reader<'a> {
    image: &'a mut (dyn Read + Send),
    at: u64,
    free: Receiver<Vec<u8>>,
    full: SyncSender<Chunk>,
    made: usize,
}

impl Reader<'_> {
    fn run(&mut self, extents: &[Extent]) -> Result<Copied, WriteError> {
        let mut head = vec![0; CHUNK];
        let mut digests = Vec::with_capacity(extents.len());
        for extent in extents {
            self.skip(extent.offset)?;
            let mut digest = Sha256::new();
            for (offset, length) in chunks(extent) {
                let mut bytes = self.buffer()?;
                bytes.resize(length, 0);
                self.fill(&mut bytes)?;
                digest.update(&bytes);
                if offset < HEAD {
                    let from = usize::try_from(offset).unwrap_or(usize::MAX);
                    head[from..from + length].copy_from_slice(&bytes);
                    // What is held back until the end is zero on the drive until then.
                    bytes.fill(0);
                }
                self.full.send(Chunk { offset, bytes }).map_err(|_| WriteError::Thread)?;
            }
            let digest = digest.finalize().into();
            if extent.promised.is_some_and(|promised| promised != digest) {
                return Err(WriteError::Altered { offset: extent.offset, bytes: extent.bytes });
            }
            digests.push(digest);
        }
        self.skip(layout::IMAGE_BYTES)?;
        // Reading to the very end also checks the checksum of the compressed stream.
        match self.image.read(&mut [0]).map_err(|error| WriteError::Image { at: self.at, error })? {
            0 => Ok(Copied { head, digests }),
            _ => Err(WriteError::TooLong),
        }
    }

    /// A buffer that the writer is done with, or one of the first few.
    fn buffer(&mut self) -> Result<Vec<u8>, WriteError> {
        if self.made < DEPTH {
            self.made += 1;
            return Ok(Vec::with_capacity(CHUNK));
        }
        self.free.recv().map_err(|_| WriteError::Thread)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), WriteError> {
        self.image.read_exact(bytes).map_err(|error| WriteError::Image { at: self.at, error })?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Reads up to `end`. What a block map leaves out must be zero, or the map is another image's.
    fn skip(&mut self, end: u64) -> Result<(), WriteError> {
        let mut bytes = Vec::new();
        while self.at < end {
            let length = usize::try_from(end - self.at).unwrap_or(usize::MAX).min(CHUNK);
            bytes.resize(length, 0);
            self.fill(&mut bytes)?;
            if bytes != ZEROS[..length] {
                let bytes = length as u64;
                return Err(WriteError::Altered { offset: self.at - bytes, bytes });
            }
        }
        Ok(())
    }
}
