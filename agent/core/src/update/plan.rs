//! What is fetched and what is there already: the plan of an update, made before it starts.

use std::collections::HashMap;
use std::ops::Range;

use tayberry_format::bundle::chunks::ChunkId;
use tayberry_format::bundle::index::{Entry, Index, Part, Placed};

/// What a request costs beside its bytes: headers both ways, in bytes. A gap that is shorter is fetched with the rest.
const REQUEST_BYTES: u64 = 768;
/// Longest gap that is fetched to save a round trip, in bytes.
const GAP: u64 = 16 << 10;
/// Longest range of one request, in bytes: what is lost at most when a link fails, and what several fetch at once.
const LONGEST_RANGE: u64 = 4 << 20;

/// A place in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The partition.
    pub part: Part,
    /// Byte in the partition.
    pub offset: u64,
}

/// What the device holds, cut into chunks.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// In the slot that runs: never written to.
    pub running: HashMap<ChunkId, Place>,
    /// In the slot that is written: an update that was interrupted, or an older version.
    pub target: HashMap<ChunkId, Vec<Place>>,
}

/// Where a chunk comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It lies where it belongs.
    InPlace,
    /// From the slot that runs.
    Running(Place),
    /// From the slot that is written, at or behind where it is written to.
    Ahead(Place),
    /// From the slot that is written: this install put it there before.
    Behind(Place),
    /// From the pack.
    Pack,
}

/// One chunk to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Number of the region: all before it is on the drive when it begins.
    pub region: usize,
    /// Where it belongs.
    pub to: Place,
    /// The chunk.
    pub entry: Entry,
    /// Where it comes from.
    pub source: Source,
    /// Where it lies in the pack: whatever was held may be damaged when it is read.
    pub pack: u64,
}

/// All steps, in the order in which they are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Length of the whole pack in bytes.
    pub pack_bytes: u64,
}

impl Plan {
    /// Plans to write `index` on a device that holds `held`.
    #[must_use]
    pub fn new(index: &Index, held: &Held) -> Self {
        let step = |placed: &Placed| {
            let to = Place { part: placed.part, offset: placed.offset };
            let behind = placed.repeats.map(|(part, offset)| Source::Behind(Place { part, offset }));
            let source = match (source(placed.entry.id, to, held), behind) {
                (Source::Pack, Some(behind)) => behind,
                (source, _) => source,
            };
            Step { region: placed.region, to, entry: placed.entry, source, pack: placed.pack }
        };
        let mut steps: Vec<Step> = index.placed().iter().map(step).collect();
        // Before anything is written, the head of the boot partition is taken away: it no longer lies there.
        if steps.iter().any(|step| step.source != Source::InPlace) {
            let head = Place { part: Part::Boot, offset: 0 };
            for step in steps.iter_mut().filter(|step| step.to == head && step.source == Source::InPlace) {
                step.source =
                    held.running.get(&step.entry.id).map_or(Source::Pack, |place| Source::Running(*place));
            }
        }
        Self { steps, pack_bytes: index.pack_bytes() }
    }

    /// Bytes of the pack that the steps need.
    #[must_use]
    pub fn needed(&self) -> u64 {
        let fetched = self.steps.iter().filter(|step| step.source == Source::Pack);
        fetched.map(|step| u64::from(step.entry.stored)).sum()
    }

    /// Bytes that are written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.steps
            .iter()
            .filter(|step| step.source != Source::InPlace)
            .map(|step| u64::from(step.entry.bytes))
            .sum()
    }

    /// The ranges of the pack to fetch, in order. Never dearer than the whole pack.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for step in self.steps.iter().filter(|step| step.source == Source::Pack) {
            let (start, end) = (step.pack, step.pack + u64::from(step.entry.stored));
            match ranges.last_mut() {
                Some(last) if start - last.end <= GAP => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        if cost(&ranges) >= cost(std::slice::from_ref(&(0..self.pack_bytes))) {
            ranges.clear();
            ranges.push(0..self.pack_bytes);
        }
        ranges.into_iter().filter(|range| !range.is_empty()).flat_map(cut).collect()
    }
}

/// Where a chunk is had from, best first.
fn source(id: ChunkId, to: Place, held: &Held) -> Source {
    let ours = held.target.get(&id).map(Vec::as_slice).unwrap_or_default();
    if ours.contains(&to) {
        return Source::InPlace;
    }
    if let Some(place) = held.running.get(&id) {
        return Source::Running(*place);
    }
    // Steps go upwards in a partition: what lies below was written over.
    match ours.iter().find(|place| place.part == to.part && place.offset > to.offset) {
        Some(place) => Source::Ahead(*place),
        None => Source::Pack,
    }
}

/// Bytes that cross the network.
fn cost(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start + REQUEST_BYTES).sum()
}

fn cut(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let starts = (range.start..range.end).step_by(usize::try_from(LONGEST_RANGE).unwrap_or(usize::MAX));
    starts.map(move |start| start..(start + LONGEST_RANGE).min(range.end))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
