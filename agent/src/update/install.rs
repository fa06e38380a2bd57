//! Writes a version to the slot that does not run, and reads it back.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use tayberry_core::update::plan::{Plan, Source, Step};
use tayberry_format::bundle::chunks::{ChunkId, LONGEST};
use tayberry_format::bundle::index::{Index, Part};
use tayberry_format::verity::{self, RootHash, VerityError};

use crate::update::direct::{Aligned, BLOCK, Reader, read_at};
use crate::update::pack::Pack;
use crate::update::scan::Slot;
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
    if plan.written() == 0 {
        return Ok(0);
    }
    let target = slots.target;
    disarm(&target.boot).map_err(InstallError::Drive)?;
    let (mut written, mut reached) = (0, 0);
    let unpacker = zstd::bulk::Decompressor::new().map_err(InstallError::Pack)?;
    let mut job =
        Job { slots, pack, unpacker, buffer: Aligned::new(), stored: Vec::new(), plain: Vec::new() };
    let regions = plan.steps.chunk_by(|before, step| {
        before.to.part == step.to.part && before.to.offset + u64::from(before.entry.bytes) == step.to.offset
    });
    for region in regions {
        let Some(first) = region.first() else { continue };
        // Everything before it is on the drive before a region begins: the last one makes the slot bootable.
        sync(target)?;
        written += std::thread::scope(|scope| {
            let mut writer = Writer::new(scope, target.part(first.to.part), first.to.offset);
            let done = region.iter().try_for_each(|step| {
                job.put(step, &mut writer)?;
                reached += u64::from(step.entry.bytes);
                let go_on = watcher.reached(reached);
                if go_on { Ok(()) } else { Err(InstallError::Cancelled) }
            });
            // What the drive said comes first: whatever else failed may have failed because of it.
            let end = if done.is_ok() { writer.finish() } else { writer.leave() };
            let written = end.map_err(InstallError::Drive)?;
            done.map(|()| written)
        })?;
    }
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

/// The memory of an install: one chunk, stored and plain.
struct Job<'a> {
    slots: &'a Slots<'a>,
    pack: &'a mut dyn Pack,
    /// Kept from chunk to chunk: making one takes longer than a chunk.
    unpacker: zstd::bulk::Decompressor<'static>,
    buffer: Aligned,
    stored: Vec<u8>,
    plain: Vec<u8>,
}

impl Job<'_> {
    /// Puts the chunk of `step` where it belongs.
    fn put(&mut self, step: &Step, writer: &mut Writer<'_>) -> Result<(), InstallError> {
        if let Source::Behind(place) = step.source
            && place.part == step.to.part
        {
            let end = place.offset + u64::from(step.entry.bytes);
            writer.wait_for(end).map_err(InstallError::Drive)?;
        }
        let there = self.bytes(step)?;
        writer.put(&self.plain, there).map_err(InstallError::Drive)
    }

    /// Leaves the chunk of `step` in `plain`; says whether it lies where it belongs already. What the device was thought to
    /// hold and does not comes from the pack.
    fn bytes(&mut self, step: &Step) -> Result<bool, InstallError> {
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
                self.plain.clear();
                self.plain.extend_from_slice(held);
                return Ok(step.source == Source::InPlace);
            }
        }
        self.fetch(step)?;
        Ok(false)
    }

    /// Leaves the chunk as it lies in the pack in `plain`.
    fn fetch(&mut self, step: &Step) -> Result<(), InstallError> {
        let length = step.entry.bytes as usize;
        self.stored.resize(step.entry.stored as usize, 0);
        self.pack.read(step.pack, &mut self.stored).map_err(InstallError::Pack)?;
        if self.stored.len() == length {
            self.plain.clone_from(&self.stored);
        } else {
            self.plain.resize(length.min(LONGEST), 0);
            let unpacked = self.unpacker.decompress_to_buffer(&self.stored, &mut self.plain);
            if unpacked.ok() != Some(length) {
                return Err(InstallError::Chunk(step.pack));
            }
        }
        if ChunkId::of(&self.plain) == step.entry.id { Ok(()) } else { Err(InstallError::Chunk(step.pack)) }
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
