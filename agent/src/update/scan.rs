//! Cuts what the device holds into chunks, as the builder cut what it published.

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
    each(index, target, progress, &mut |id, place| held.target.entry(id).or_default().push(place))?;
    Ok(held)
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
