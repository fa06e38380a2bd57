//! Cuts what the device holds into chunks, as the builder cut what it published.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use tayberry_core::update::plan::{Held, Place};
use tayberry_format::bundle::chunks::{self, ChunkId};
use tayberry_format::bundle::index::{Index, Part};

use crate::update::direct::Reader;

/// The two partitions of a slot, open for direct I/O.
pub struct Slot {
    /// Boot partition.
    pub boot: File,
    /// System partition.
    pub system: File,
}

impl Slot {
    /// The partition.
    #[must_use]
    pub const fn part(&self, part: Part) -> &File {
        match part {
            Part::Boot => &self.boot,
            Part::System => &self.system,
        }
    }
}

/// What both slots hold, looked for where `index` has something. `progress` hears of every byte.
///
/// # Errors
/// When a drive cannot be read.
pub fn held(index: &Index, running: &Slot, target: &Slot, progress: &mut dyn FnMut(u64)) -> io::Result<Held> {
    let mut held = Held::default();
    each(index, running, progress, &mut |id, place| {
        held.running.insert(id, place);
    })?;
    held.target = self::target(index, target, progress)?;
    Ok(held)
}

/// What the slot that is written holds, looked for where `index` has something.
///
/// # Errors
/// When the drive cannot be read.
pub fn target(
    index: &Index,
    slot: &Slot,
    progress: &mut dyn FnMut(u64),
) -> io::Result<HashMap<ChunkId, Vec<Place>>> {
    let mut found: HashMap<ChunkId, Vec<Place>> = HashMap::new();
    each(index, slot, progress, &mut |id, place| found.entry(id).or_default().push(place))?;
    Ok(found)
}

fn each(
    index: &Index,
    slot: &Slot,
    progress: &mut dyn FnMut(u64),
    found: &mut dyn FnMut(ChunkId, Place),
) -> io::Result<()> {
    for region in &index.regions {
        let reader = Reader::new(slot.part(region.part), region.offset, region.offset + region.bytes());
        for chunk in chunks::cut(reader) {
            let chunk = chunk.map_err(io::Error::other)?;
            found(
                ChunkId::of(&chunk.bytes),
                Place { part: region.part, offset: region.offset + chunk.offset },
            );
            progress(chunk.bytes.len() as u64);
        }
    }
    Ok(())
}
