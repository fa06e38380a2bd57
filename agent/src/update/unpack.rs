//! Unpacks chunks and compares them with their index, on several threads: hashing is slower than a good drive. Chunks leave in the
//! order in which they came.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use tayberry_format::bundle::chunks::{ChunkId, LONGEST};
use tayberry_format::bundle::index::Entry;

use crate::update::install::InstallError;

/// Bytes of a batch, about: what one thread takes at once.
const BATCH: usize = 256 << 10;
/// Threads at most: a Pi 5 has four cores, and services want some of them.
pub const THREADS: usize = 3;
/// Batches under way for each thread: one is worked at, one waits.
const AHEAD: usize = 2;

/// Threads on this machine.
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS)
}

/// A chunk of a batch.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    entry: Entry,
    /// Where it lies in the pack, for messages.
    pack: u64,
    /// Bytes of it in `stored`.
    stored: usize,
    /// What was held and compared before: its bytes are as they are. True inside if they lie where they belong.
    held: Option<bool>,
}

/// Consecutive chunks.
#[derive(Debug, Default)]
pub struct Batch {
    chunks: Vec<Chunk>,
    /// As they came.
    stored: Vec<u8>,
    /// Bytes of the chunks as they will be written: a few stored ones may become very many.
    length: usize,
    /// As they are written.
    plain: Vec<u8>,
}

impl Batch {
    /// Adds a chunk that is stored in the pack at `pack`. Returns the room for its bytes, to be filled.
    pub fn packed(&mut self, entry: Entry, pack: u64) -> &mut [u8] {
        let from = self.stored.len();
        let stored = entry.stored as usize;
        self.length += entry.bytes as usize;
        self.stored.resize(from + stored, 0);
        self.chunks.push(Chunk { entry, pack, stored, held: None });
        &mut self.stored[from..]
    }

    /// Takes the last chunk away: its bytes did not come.
    pub fn drop_last(&mut self) {
        if let Some(last) = self.chunks.pop() {
            self.stored.truncate(self.stored.len() - last.stored);
            self.length -= last.entry.bytes as usize;
        }
    }

    /// Adds a chunk that was held and compared. `there` says that it lies where it belongs.
    pub fn held(&mut self, entry: Entry, bytes: &[u8], there: bool) {
        self.stored.extend_from_slice(bytes);
        self.length += bytes.len();
        self.chunks.push(Chunk { entry, pack: 0, stored: bytes.len(), held: Some(there) });
    }

    /// Whether it is worth a thread's time.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.length.max(self.stored.len()) >= BATCH
    }

    /// The chunks as they are written, and whether each lies where it belongs.
    pub fn plain(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut rest = self.plain.as_slice();
        self.chunks.iter().map(move |chunk| {
            let (bytes, behind) = rest.split_at(chunk.entry.bytes as usize);
            rest = behind;
            (bytes, chunk.held == Some(true))
        })
    }

    fn clear(&mut self) {
        self.chunks.clear();
        self.stored.clear();
        self.length = 0;
        self.plain.clear();
    }

    fn unpack(&mut self, unpacker: &mut zstd::bulk::Decompressor<'_>) -> Result<(), InstallError> {
        let mut rest = self.stored.as_slice();
        for chunk in &self.chunks {
            let (stored, behind) = rest.split_at(chunk.stored);
            rest = behind;
            let (from, length) = (self.plain.len(), chunk.entry.bytes as usize);
            if stored.len() == length {
                self.plain.extend_from_slice(stored);
            } else {
                self.plain.resize(from + length.min(LONGEST), 0);
                let unpacked = unpacker.decompress_to_buffer(stored, &mut self.plain[from..]);
                if unpacked.ok() != Some(length) {
                    return Err(InstallError::Chunk(chunk.pack));
                }
            }
            if chunk.held.is_none() && ChunkId::of(&self.plain[from..]) != chunk.entry.id {
                return Err(InstallError::Chunk(chunk.pack));
            }
        }
        Ok(())
    }
}

type Answer = Result<Batch, InstallError>;

/// The threads; they end with this.
pub struct Unpackers {
    work: Sender<(Batch, Sender<Answer>)>,
    waiting: VecDeque<Receiver<Answer>>,
    spare: Vec<Batch>,
    most: usize,
}

impl Unpackers {
    /// Starts so many.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn new<'scope>(scope: &'scope Scope<'scope, '_>, threads: usize) -> io::Result<Self> {
        let (work, queue) = channel::<(Batch, Sender<Answer>)>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, mut unpacker) = (Arc::clone(&queue), zstd::bulk::Decompressor::new()?);
            scope.spawn(move || {
                while let Some((mut batch, answer)) = next(&queue) {
                    let done = batch.unpack(&mut unpacker).map(|()| batch);
                    // An install that has failed takes nothing more.
                    drop(answer.send(done));
                }
            });
        }
        Ok(Self { work, waiting: VecDeque::new(), spare: Vec::new(), most: AHEAD * threads })
    }

    /// An empty batch.
    pub fn empty(&mut self) -> Batch {
        self.spare.pop().unwrap_or_default()
    }

    /// Hands a batch over.
    ///
    /// # Errors
    /// When the threads are gone.
    pub fn put(&mut self, batch: Batch) -> Result<(), InstallError> {
        let (answer, waiting) = channel();
        self.work.send((batch, answer)).map_err(|_| gone())?;
        self.waiting.push_back(waiting);
        Ok(())
    }

    /// The next batch, once it is done; none while fewer are under way than should be, unless `all` are wanted.
    ///
    /// # Errors
    /// When one of its chunks is another one than the index says.
    pub fn next(&mut self, all: bool) -> Result<Option<Batch>, InstallError> {
        if !all && self.waiting.len() < self.most {
            return Ok(None);
        }
        let Some(answer) = self.waiting.pop_front() else { return Ok(None) };
        answer.recv().map_err(|_| gone())?.map(Some)
    }

    /// Takes the memory of a batch back.
    pub fn reuse(&mut self, mut batch: Batch) {
        batch.clear();
        self.spare.push(batch);
    }
}

fn next(queue: &Mutex<Receiver<(Batch, Sender<Answer>)>>) -> Option<(Batch, Sender<Answer>)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn gone() -> InstallError {
    InstallError::Pack(io::Error::other("nothing unpacks it any more"))
}
