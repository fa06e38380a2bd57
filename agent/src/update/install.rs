//! Writes a version to the slot that does not run, and reads it back.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use tayberry_core::update::plan::{Plan, Source, Step};
use tayberry_format::bundle::chunks::ChunkId;
use tayberry_format::bundle::index::{Index, Part};
use tayberry_format::verity::{self, RootHash, VerityError};

use crate::update::direct::{Aligned, BLOCK, Reader, read_at};
use crate::update::pack::Pack;
use crate::update::scan::Slot;
use crate::update::unpack::{self, Batch, Unpackers};
use crate::update::writer::Writer;

/// A version that was not written. The slot is not bootable then; the running one was not touched.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The pack cannot be had.
    #[error("its data did not come: {0}")]
    Pack(io::Error),
    /// A chunk is another one than the index says.
    #[error("a piece of it is damaged (byte {0} of the pack)")]
    Chunk(u64),
    /// The drive.
    #[error("the drive: {0}")]
    Drive(io::Error),
    /// What was written reads back as something else.
    #[error("what was written to {place} reads back as something else")]
    ReadBack {
        /// Where.
        place: String,
    },
    /// The system partition is not the one that was signed.
    #[error(transparent)]
    Verity(#[from] VerityError),
    /// The owner cancelled it.
    #[error("it was cancelled")]
    Cancelled,
}

/// Whoever watches an install.
pub trait Watcher {
    /// So many bytes lie where they belong. False stops the install.
    fn reached(&mut self, bytes: u64) -> bool;
}

/// Writes what `plan` says to `target`. Returns the bytes that were written.
///
/// # Errors
/// When the pack breaks off or is damaged, or the drive fails. What was written is found by the next scan.
pub fn write(
    plan: &Plan,
    slots: &Slots<'_>,
    pack: &mut dyn Pack,
    watcher: &mut dyn Watcher,
) -> Result<u64, InstallError> {
    write_on(unpack::threads(), plan, slots, pack, watcher)
}

/// The same with so many threads that unpack.
fn write_on(
    threads: usize,
    plan: &Plan,
    slots: &Slots<'_>,
    pack: &mut dyn Pack,
    watcher: &mut dyn Watcher,
) -> Result<u64, InstallError> {
    let target = slots.target;
    if plan.written() == 0 {
        // An attempt before this one may have ended between its last write and the flush.
        return sync(target).map(|()| 0);
    }
    disarm(&target.boot).map_err(InstallError::Drive)?;
    let regions = plan.steps.chunk_by(|before, step| before.region == step.region);
    let written = std::thread::scope(|scope| {
        let unpackers = Unpackers::new(scope, threads).map_err(InstallError::Pack)?;
        let mut job = Job { slots, pack, watcher, unpackers, buffer: Aligned::new(), reached: 0 };
        let mut written = 0;
        for region in regions {
            let Some(first) = region.first() else { continue };
            // Everything before it is on the drive before a region begins: the last one makes the slot bootable.
            sync(target)?;
            let mut writer = Writer::new(scope, target.part(first.to.part), first.to.offset);
            let done = job.region(region, &mut writer);
            // What the drive said comes first: whatever else failed may have failed because of it.
            let end = if done.is_ok() { writer.finish() } else { writer.leave() };
            written += end.map_err(InstallError::Drive)?;
            done?;
        }
        Ok::<_, InstallError>(written)
    })?;
    sync(target)?;
    Ok(written)
}

/// Takes away what makes the slot bootable: half a system must not be found by firmware that lost `autoboot.txt`.
fn disarm(boot: &File) -> io::Result<()> {
    let zeros = Aligned::new();
    boot.write_all_at(zeros.get(0, BLOCK), 0)?;
    boot.sync_all()
}

fn sync(target: &Slot) -> Result<(), InstallError> {
    target.boot.sync_all().and_then(|()| target.system.sync_all()).map_err(InstallError::Drive)
}

/// The slots of an install.
pub struct Slots<'a> {
    /// What runs: only read.
    pub running: &'a Slot,
    /// What is written.
    pub target: &'a Slot,
}

/// An install under way.
struct Job<'a> {
    slots: &'a Slots<'a>,
    pack: &'a mut dyn Pack,
    watcher: &'a mut dyn Watcher,
    unpackers: Unpackers,
    buffer: Aligned,
    /// Bytes that the drive has or gets.
    reached: u64,
}

impl Job<'_> {
    /// Writes a region, or as much of it as there is: what came before a link failed is not fetched again.
    fn region(&mut self, steps: &[Step], writer: &mut Writer<'_>) -> Result<(), InstallError> {
        let mut batch = self.unpackers.empty();
        let done = steps.iter().try_for_each(|step| self.step(step, &mut batch, writer));
        // Behind a chunk that is not what it should be, all others would lie in a wrong place.
        if matches!(done, Ok(()) | Err(InstallError::Pack(_))) {
            let rest = self.hand_over(&mut batch).and_then(|()| self.take(writer, true));
            self.unpackers.reuse(batch);
            // What is wrong with a chunk happened before the link failed behind it.
            return rest.and(done);
        }
        done
    }

    fn step(&mut self, step: &Step, batch: &mut Batch, writer: &mut Writer<'_>) -> Result<(), InstallError> {
        if let Source::Behind(place) = step.source
            && place.part == step.to.part
        {
            let end = place.offset + u64::from(step.entry.bytes);
            if end > writer.handed() {
                self.hand_over(batch)?;
                self.take(writer, true)?;
            }
            writer.wait_for(end).map_err(InstallError::Drive)?;
        }
        self.bytes(step, batch)?;
        if batch.is_full() {
            self.hand_over(batch)?;
            self.take(writer, false)?;
        }
        Ok(())
    }

    /// Gives a batch to the threads, and leaves an empty one.
    fn hand_over(&mut self, batch: &mut Batch) -> Result<(), InstallError> {
        let empty = self.unpackers.empty();
        self.unpackers.put(std::mem::replace(batch, empty))
    }

    /// Gives what the threads have done to the drive; `all` of it, or what should not wait longer.
    fn take(&mut self, writer: &mut Writer<'_>, all: bool) -> Result<(), InstallError> {
        while let Some(batch) = self.unpackers.next(all)? {
            for (chunk, there) in batch.plain() {
                writer.put(chunk, there).map_err(InstallError::Drive)?;
                self.reached += chunk.len() as u64;
            }
            self.unpackers.reuse(batch);
            if !self.watcher.reached(self.reached) {
                return Err(InstallError::Cancelled);
            }
        }
        Ok(())
    }

    /// Adds the chunk of `step` to the batch. What the device was thought to hold and does not comes from the pack.
    fn bytes(&mut self, step: &Step, batch: &mut Batch) -> Result<(), InstallError> {
        let place = match step.source {
            Source::InPlace => Some((self.slots.target, step.to)),
            Source::Running(place) => Some((self.slots.running, place)),
            Source::Ahead(place) | Source::Behind(place) => Some((self.slots.target, place)),
            Source::Pack => None,
        };
        if let Some((slot, place)) = place {
            let length = step.entry.bytes as usize;
            let held = read_at(slot.part(place.part), &mut self.buffer, place.offset, length)
                .map_err(InstallError::Drive)?;
            if ChunkId::of(held) == step.entry.id {
                batch.held(step.entry, held, step.source == Source::InPlace);
                return Ok(());
            }
        }
        let came = self.pack.read(step.pack, batch.packed(step.entry, step.pack));
        came.map_err(|error| {
            batch.drop_last();
            InstallError::Pack(error)
        })
    }
}

/// Reads a system partition through its hash tree, from the drive. `progress` hears of the bytes that were read.
///
/// # Errors
/// Names the first block that is not as it should be.
pub fn verify(
    system: &File,
    root_hash: RootHash,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, InstallError> {
    // Several readers of one file take turns at telling.
    let progress = RefCell::new(progress);
    let window = |start, end| Ok(Counted { source: Reader::new(system, start, end), progress: &progress });
    Ok(verity::verify_partition(window, root_hash)?)
}

/// Tells how much was read.
struct Counted<'a, 'p> {
    source: Reader<'a>,
    progress: &'a RefCell<&'p mut dyn FnMut(u64)>,
}

impl Read for Counted<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        (self.progress.borrow_mut())(read as u64);
        Ok(read)
    }
}

/// Reads the slot back from the drive: the system partition through its hash tree, the boot partition chunk by chunk.
///
/// # Errors
/// Names the first place that is not as it should be.
pub fn read_back(
    index: &Index,
    target: &Slot,
    root_hash: RootHash,
    data_blocks: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<(), InstallError> {
    if verify(&target.system, root_hash, progress)? != data_blocks {
        return Err(InstallError::ReadBack { place: "the head of the hash tree".into() });
    }
    let mut buffer = Aligned::new();
    for region in index.regions.iter().filter(|region| region.part == Part::Boot) {
        let mut at = region.offset;
        for chunk in &region.chunks {
            let held =
                read_at(&target.boot, &mut buffer, at, chunk.bytes as usize).map_err(InstallError::Drive)?;
            if ChunkId::of(held) != chunk.id {
                return Err(InstallError::ReadBack { place: format!("byte {at} of the boot partition") });
            }
            at += u64::from(chunk.bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
