//! Decides which bytes of an image are written. Values only.

use std::ops::Range;

use tayberry_format::layout::{self, Kind, MIB};

use crate::bmap::Map;

/// The beginning of the disk with the partition table: erased first, written last. In bytes.
pub const HEAD: u64 = MIB;

/// Without a block map the image is cut into pieces of so many bytes, so that an error says roughly where it is.
const PIECE: u64 = 64 * MIB;

/// Beginning of a FAT partition that holds its boot sector, both tables and its root directory, in bytes. The largest
/// that the layout has take 1.1 MiB.
const FAT_TABLES: u64 = 2 * MIB;

/// A run of bytes to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 that the block map promises.
    pub promised: Option<[u8; 32]>,
}

impl Extent {
    /// The byte behind it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.bytes
    }
}

/// The places that are written whatever the block map says, because a drive may have held another system: what reads
/// as zeros in the image must not read as old file names, old allocations or an old key on the drive.
fn always() -> Vec<Range<u64>> {
    let fats = layout::IMAGE.iter().filter(|part| part.kind == Kind::Fat);
    let tables = fats.map(|part| part.start..part.start + FAT_TABLES);
    std::iter::once(0..HEAD)
        .chain(tables)
        .chain(std::iter::once(layout::DATA_START..layout::IMAGE_BYTES))
        .collect()
}

/// Everything to write, in ascending order without overlap. Without a block map, that is the whole image.
#[must_use]
pub fn plan(map: Option<&Map>) -> Vec<Extent> {
    let Some(map) = map else {
        let pieces = (0..layout::IMAGE_BYTES.div_ceil(PIECE)).map(|index| index * PIECE);
        return pieces.map(|start| plain(start..(start + PIECE).min(layout::IMAGE_BYTES))).collect();
    };
    let runs = map.runs.iter();
    let mut extents: Vec<Extent> =
        runs.map(|run| Extent { offset: run.offset, bytes: run.bytes, promised: Some(run.sha256) }).collect();
    let mut gaps = Vec::new();
    for place in always() {
        let mut at = place.start;
        for run in extents.iter().filter(|run| run.end() > place.start && run.offset < place.end) {
            gaps.extend((at < run.offset).then(|| plain(at..run.offset)));
            at = run.end();
        }
        gaps.extend((at < place.end).then(|| plain(at..place.end)));
    }
    extents.append(&mut gaps);
    extents.sort_by_key(|extent| extent.offset);
    extents
}

fn plain(range: Range<u64>) -> Extent {
    Extent { offset: range.start, bytes: range.end - range.start, promised: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmap::Run;

    fn check(extents: &[Extent]) {
        for pair in extents.windows(2) {
            assert!(pair[0].end() <= pair[1].offset, "{pair:?}");
        }
        let is_covered = |byte| extents.iter().any(|extent| (extent.offset..extent.end()).contains(&byte));
        for place in always() {
            for byte in [place.start, place.start.midpoint(place.end), place.end - 1] {
                assert!(is_covered(byte), "{byte}");
            }
        }
        assert!(extents.iter().all(|extent| extent.bytes > 0 && extent.end() <= layout::IMAGE_BYTES));
    }

    #[test]
    fn the_dangerous_places_are_written_whatever_the_map_says() {
        let run = |offset, bytes| Run { offset, bytes, sha256: [1; 32] };
        let data = layout::DATA_START;
        for runs in [
            vec![],
            vec![run(0, 20 << 10), run(4 * MIB, 8192), run(5 * MIB, 4096), run(data + MIB - 8192, 8192)],
            vec![run(MIB - 4096, 8 * MIB)],
            vec![run(0, layout::IMAGE_BYTES)],
        ] {
            let mapped: u64 = runs.iter().map(|run| run.bytes).sum();
            let map = Map { image_bytes: layout::IMAGE_BYTES, runs };
            let extents = plan(Some(&map));
            check(&extents);
            let promised = extents.iter().filter(|extent| extent.promised.is_some());
            assert_eq!(promised.map(|extent| extent.bytes).sum::<u64>(), mapped);
        }
    }

    #[test]
    fn without_a_map_everything_is_written() {
        let extents = plan(None);
        check(&extents);
        assert_eq!(extents.iter().map(|extent| extent.bytes).sum::<u64>(), layout::IMAGE_BYTES);
    }

    #[test]
    fn tables_fit_their_place() {
        for (part, per_cluster) in layout::IMAGE.iter().zip([1_u64, 4, 4]) {
            let tables = 2 * 4 * (part.bytes / 512 / per_cluster) + 64 * 512;
            assert!(tables < FAT_TABLES, "{}", part.name);
        }
    }
}
