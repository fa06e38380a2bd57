//! The index of a version: which bytes lie where in a slot, chunk by chunk, and how long each is in the pack. Binary, for
//! thousands of chunks; all numbers little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TBINDEX1` |
//! | 4 | number of regions |
//! | 24 each | partition (0 boot, 1 system) in 4, number of chunks in 4, offset in 8, length in 8 |
//! | 40 each | SHA-256 of the chunk in 32, its length in 4, its length in the pack in 4 |
//!
//! The chunks of all regions follow each other, in the pack too. A chunk whose length in the pack is its own length is
//! stored as it is; a shorter one is a zstd frame (RFC 8878). One whose length in the pack is 0 is the same as one that came
//! [`REPEAT`] bytes before or in an earlier region: what was written is on the drive by then, and is read there.

use std::collections::HashMap;

use crate::bundle::chunks::{ChunkId, LONGEST};
use crate::layout::{self, MIB};
use crate::slot::Slot;

/// Longest index that is read, in bytes: a full slot in chunks of the shortest usual kind needs less.
pub const MAX_BYTES: u64 = 32 * MIB;
/// Regions begin and end on this boundary, in bytes: what direct I/O asks for.
pub const ALIGN: u64 = 4096;

/// How far behind its first place a chunk may be left out of the pack, in bytes: more than whoever writes a slot holds in memory.
pub const REPEAT: u64 = 2 * MIB;

const MAGIC: &[u8; 8] = b"TBINDEX1";
const REGION_BYTES: usize = 24;
const CHUNK_BYTES: usize = 40;
const MAX_REGIONS: usize = 8;

/// A partition of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The boot partition.
    Boot,
    /// The system partition.
    System,
}

impl Part {
    /// The partition in this slot.
    #[must_use]
    pub const fn of(self, slot: Slot) -> layout::Partition {
        match self {
            Self::Boot => layout::boot(slot),
            Self::System => layout::system(slot),
        }
    }
}

/// Consecutive bytes of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The partition.
    pub part: Part,
    /// First byte in the partition.
    pub offset: u64,
    /// The chunks, one after the other.
    pub chunks: Vec<Entry>,
}

impl Region {
    /// Length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum()
    }
}

/// One chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Hash of its bytes.
    pub id: ChunkId,
    /// Length in bytes.
    pub bytes: u32,
    /// Length in the pack, in bytes; 0 if it came before.
    pub stored: u32,
}

/// A chunk, where it belongs and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Number of the region.
    pub region: usize,
    /// The partition.
    pub part: Part,
    /// First byte in the partition.
    pub offset: u64,
    /// The chunk, with its length in the pack even if it is left out here.
    pub entry: Entry,
    /// Where it lies in the pack.
    pub pack: u64,
    /// Where it came before, if it is left out of the pack here.
    pub repeats: Option<(Part, u64)>,
}

/// All regions of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// In the order in which they are written.
    pub regions: Vec<Region>,
}

/// An index that cannot be used. It was signed, so somebody made it wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not an index.
    #[error("the index does not begin as an index does")]
    Magic,
    /// Shorter or longer than it says.
    #[error("the index has {found} bytes instead of {expected}")]
    Length {
        /// Bytes that there are.
        found: u64,
        /// Bytes that it says.
        expected: u64,
    },
    /// A region that does not fit a slot.
    #[error("region {number} of the index: {why}")]
    Region {
        /// Its number, from 0.
        number: usize,
        /// The reason.
        why: &'static str,
    },
    /// A chunk that cannot be.
    #[error("chunk {number} of the index has {bytes} bytes, {stored} in the pack")]
    Chunk {
        /// Its number among all, from 0.
        number: usize,
        /// Its length.
        bytes: u32,
        /// Its length in the pack.
        stored: u32,
    },
}

/// What lies at `first`, a region and a place in its partition, is on the drive when `now` is written.
const fn is_behind(first: (usize, u64), now: (usize, u64)) -> bool {
    first.0 < now.0 || first.1 + REPEAT <= now.1
}

/// Finds the chunks that need not be in the pack, while a slot is cut.
#[derive(Debug, Default)]
pub struct Repeats(HashMap<ChunkId, (usize, u64)>);

impl Repeats {
    /// Whether this chunk, at `offset` of the partition and in the region with this number, may be left out.
    pub fn may_leave_out(&mut self, id: ChunkId, region: usize, offset: u64) -> bool {
        is_behind(*self.0.entry(id).or_insert((region, offset)), (region, offset))
    }
}

/// Reads numbers off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

impl Index {
    /// All chunks, in the order of the pack.
    pub fn chunks(&self) -> impl Iterator<Item = &Entry> {
        self.regions.iter().flat_map(|region| &region.chunks)
    }

    /// All chunks with their places, in the order of the pack. A chunk that is left out although it did not come before keeps the
    /// length 0: [`Self::decode`] refuses it.
    #[must_use]
    pub fn placed(&self) -> Vec<Placed> {
        let mut firsts: HashMap<ChunkId, Placed> = HashMap::new();
        let mut all = Vec::new();
        let mut pack = 0;
        for (number, region) in self.regions.iter().enumerate() {
            let mut offset = region.offset;
            for entry in &region.chunks {
                let mut placed =
                    Placed { region: number, part: region.part, offset, entry: *entry, pack, repeats: None };
                let first = firsts.get(&entry.id).filter(|first| {
                    first.entry.bytes == entry.bytes
                        && is_behind((first.region, first.offset), (number, offset))
                });
                match first {
                    Some(first) if entry.stored == 0 => {
                        (placed.entry, placed.pack) = (first.entry, first.pack);
                        placed.repeats = Some((first.part, first.offset));
                    }
                    _ => drop(firsts.entry(entry.id).or_insert(placed)),
                }
                all.push(placed);
                offset += u64::from(entry.bytes);
                pack += u64::from(entry.stored);
            }
        }
        all
    }

    /// Length of the pack in bytes.
    #[must_use]
    pub fn pack_bytes(&self) -> u64 {
        self.chunks().map(|chunk| u64::from(chunk.stored)).sum()
    }

    /// Bytes that are written to a slot.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.regions.iter().map(Region::bytes).sum()
    }

    /// The index as it is published.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend(count(self.regions.len()));
        for region in &self.regions {
            bytes.extend(u32::from(region.part == Part::System).to_le_bytes());
            bytes.extend(count(region.chunks.len()));
            bytes.extend(region.offset.to_le_bytes());
            bytes.extend(region.bytes().to_le_bytes());
        }
        for chunk in self.chunks() {
            bytes.extend(chunk.id.0);
            bytes.extend(chunk.bytes.to_le_bytes());
            bytes.extend(chunk.stored.to_le_bytes());
        }
        bytes
    }

    /// Reads an index.
    ///
    /// # Errors
    /// When it is not one, or describes something that does not fit a slot.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let mut reader = Reader(bytes);
        if reader.take() != Some(*MAGIC) {
            return Err(IndexError::Magic);
        }
        let count = reader.number().map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
        if count > MAX_REGIONS {
            return Err(IndexError::Region { number: MAX_REGIONS, why: "there are more than eight" });
        }
        let heads: Option<Vec<Head>> = (0..count).map(|_| Head::read(&mut reader)).collect();
        let chunks: u64 = heads.iter().flatten().map(|head| u64::from(head.chunks)).sum();
        let expected = 12 + (REGION_BYTES * count) as u64 + CHUNK_BYTES as u64 * chunks;
        let length = IndexError::Length { found: bytes.len() as u64, expected };
        let heads = heads.ok_or_else(|| length.clone())?;
        if bytes.len() as u64 != expected {
            return Err(length);
        }
        let mut number = 0;
        let mut regions = Vec::with_capacity(count);
        for (index, head) in heads.iter().enumerate() {
            regions.push(head.region(index, &mut number, &mut reader)?);
        }
        separate(&regions)?;
        let index = Self { regions };
        match index.placed().iter().zip(0..).find(|(placed, _)| placed.entry.stored == 0) {
            Some((Placed { entry: Entry { bytes, stored, .. }, .. }, number)) => {
                Err(IndexError::Chunk { number, bytes: *bytes, stored: *stored })
            }
            None => Ok(index),
        }
    }
}

/// What the index says of a region in front of the chunks.
struct Head {
    part: u32,
    chunks: u32,
    offset: u64,
    bytes: u64,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            part: reader.number()?,
            chunks: reader.number()?,
            offset: reader.long()?,
            bytes: reader.long()?,
        })
    }

    fn region(
        &self,
        index: usize,
        number: &mut usize,
        reader: &mut Reader<'_>,
    ) -> Result<Region, IndexError> {
        let refuse = |why| IndexError::Region { number: index, why };
        let part = match self.part {
            0 => Part::Boot,
            1 => Part::System,
            _ => return Err(refuse("it names no partition of a slot")),
        };
        let end = self.offset.checked_add(self.bytes).ok_or_else(|| refuse("it does not end"))?;
        if end > part.of(Slot::A).bytes {
            return Err(refuse("it does not fit the partition"));
        }
        if !self.offset.is_multiple_of(ALIGN) || !self.bytes.is_multiple_of(ALIGN) {
            return Err(refuse("it does not begin and end on blocks of 4096 bytes"));
        }
        let mut chunks = Vec::new();
        for _ in 0..self.chunks {
            let entry = (reader.take(), reader.number(), reader.number());
            let (Some(id), Some(bytes), Some(stored)) = entry else {
                return Err(refuse("its chunks are cut off"));
            };
            if bytes == 0 || bytes as usize > LONGEST || stored > bytes {
                return Err(IndexError::Chunk { number: *number, bytes, stored });
            }
            *number += 1;
            chunks.push(Entry { id: ChunkId(id), bytes, stored });
        }
        let region = Region { part, offset: self.offset, chunks };
        if region.bytes() != self.bytes {
            return Err(refuse("its chunks are not as long as it is"));
        }
        Ok(region)
    }
}

/// Every byte of a slot is written once.
fn separate(regions: &[Region]) -> Result<(), IndexError> {
    let mut places: Vec<_> = regions
        .iter()
        .enumerate()
        .map(|(number, region)| (region.part, region.offset, region.offset + region.bytes(), number))
        .collect();
    places.sort_unstable();
    for pair in places.windows(2) {
        let ((part, _, end, _), (next, start, _, number)) = (pair[0], pair[1]);
        if part == next && end > start {
            return Err(IndexError::Region { number, why: "it overlaps another one" });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
