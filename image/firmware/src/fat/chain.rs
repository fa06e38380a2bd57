//! Cluster chains: from a first cluster to runs of bytes. Bounded by the number of clusters asked for; a
//! chain that meets itself is an error. Names are left to `directory`.

use super::volume::{Kind, Volume};
use super::{Extent, FatError};
use crate::bytes::{u16_at, u32_at};
use crate::disk::Disk;

/// Most runs in one chain. Our builder writes files in one run.
const MAX_EXTENTS: usize = 65_536;

/// Bytes of the allocation table kept while walking.
const WINDOW: u64 = 4096;

/// One link of a chain.
enum Link {
    Next(u32),
    End,
    Broken(u32),
}

impl<D: Disk + ?Sized> Volume<'_, D> {
    /// The bytes of a file of `size` bytes that starts at `first`.
    pub(super) fn file_extents(&self, first: u32, size: u64) -> Result<Vec<Extent>, FatError> {
        let wanted = size.div_ceil(self.cluster);
        let mut extents = self.walk(first, wanted, true)?;
        let surplus = wanted * self.cluster - size;
        if let Some(last) = extents.last_mut() {
            last.length -= surplus;
        }
        Ok(extents)
    }

    /// The bytes of a directory: at most `limit` of them.
    pub(super) fn directory_extents(&self, first: u32, limit: u64) -> Result<Vec<Extent>, FatError> {
        self.walk(first, limit.div_ceil(self.cluster), false)
    }

    /// Follows up to `wanted` clusters; with `exact`, a chain that ends earlier is an error.
    fn walk(&self, first: u32, wanted: u64, exact: bool) -> Result<Vec<Extent>, FatError> {
        if exact && wanted > u64::from(self.clusters) {
            return Err(FatError::Damaged("a file is larger than its volume".to_owned()));
        }
        let wanted = wanted.min(u64::from(self.clusters));
        let mut extents: Vec<Extent> = Vec::new();
        let mut window = Window { start: 0, bytes: Vec::new() };
        let mut current = first;
        for done in 0..wanted {
            if done > 0 {
                current = match self.next(&mut window, current)? {
                    Link::Next(next) => next,
                    Link::End if !exact => break,
                    Link::End => return Err(damaged(first, done, "ends too early")),
                    Link::Broken(value) => {
                        return Err(damaged(first, done, &format!("continues at {value:#x}")));
                    }
                };
            }
            if current < 2 || current - 2 >= self.clusters {
                return Err(damaged(first, done, &format!("continues at {current:#x}")));
            }
            self.push(&mut extents, current);
            if extents.len() > MAX_EXTENTS {
                return Err(damaged(first, done, "is in too many pieces"));
            }
        }
        if overlaps(&extents) {
            return Err(damaged(first, wanted, "meets itself"));
        }
        Ok(extents)
    }

    fn push(&self, extents: &mut Vec<Extent>, cluster: u32) {
        let offset = self.data + u64::from(cluster - 2) * self.cluster;
        match extents.last_mut() {
            Some(last) if last.offset + last.length == offset => last.length += self.cluster,
            _ => extents.push(Extent { offset, length: self.cluster }),
        }
    }

    /// The entry of `cluster` in the first allocation table.
    fn next(&self, window: &mut Window, cluster: u32) -> Result<Link, FatError> {
        let index = u64::from(cluster);
        let (at, width) = match self.kind {
            Kind::Fat12 => (index + index / 2, 2),
            Kind::Fat16 => (index * 2, 2),
            Kind::Fat32 => (index * 4, 4),
        };
        let bytes = self.entry(window, at, width)?;
        let (value, bad) = match self.kind {
            Kind::Fat12 if cluster % 2 == 1 => (u32::from(u16_at(&bytes, 0) >> 4), 0xff7),
            Kind::Fat12 => (u32::from(u16_at(&bytes, 0) & 0xfff), 0xff7),
            Kind::Fat16 => (u32::from(u16_at(&bytes, 0)), 0xfff7),
            Kind::Fat32 => (u32_at(&bytes, 0) & 0x0fff_ffff, 0x0fff_fff7),
        };
        Ok(match value {
            0 | 1 => Link::Broken(value),
            _ if value > bad => Link::End,
            _ if value == bad => Link::Broken(value),
            _ => Link::Next(value),
        })
    }

    /// `width` bytes of the table at `at`, through the window.
    fn entry(&self, window: &mut Window, at: u64, width: u64) -> Result<[u8; 4], FatError> {
        if at < window.start || at + width > window.start + window.bytes.len() as u64 {
            window.start = at - at % 2;
            let length = WINDOW.min(self.fat.length.saturating_sub(window.start));
            window.bytes.resize(usize::try_from(length).unwrap_or(0), 0);
            self.reader.read(self.fat.offset + window.start, &mut window.bytes)?;
        }
        let start = usize::try_from(at - window.start).unwrap_or(usize::MAX);
        let mut entry = [0; 4];
        for (to, from) in entry.iter_mut().zip(window.bytes.iter().skip(start)) {
            *to = *from;
        }
        Ok(entry)
    }
}

/// A part of the allocation table.
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

fn damaged(first: u32, done: u64, what: &str) -> FatError {
    FatError::Damaged(format!("the chain from cluster {first:#x} {what} after {done} clusters"))
}

fn overlaps(extents: &[Extent]) -> bool {
    let mut sorted: Vec<_> = extents.iter().map(|extent| (extent.offset, extent.length)).collect();
    sorted.sort_unstable();
    sorted.iter().zip(sorted.iter().skip(1)).any(|(one, next)| one.0 + one.1 > next.0)
}
