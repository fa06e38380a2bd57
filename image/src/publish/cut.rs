//! Cuts a slot of an image into chunks: the index that says where each belongs, and the pack of all.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use tayberry_format::bundle::chunks::{self, ChunkId};
use tayberry_format::bundle::index::{ALIGN, Entry, Index, Part, Region, Repeats};
use tayberry_format::fat;
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, Header, hash_blocks};

use crate::publish::{PublishError, at};
use crate::ui::Stage;

/// zstd level of a chunk: EROFS is compressed already, and a device unpacks every level alike.
const LEVEL: i32 = 19;

/// A slot that was cut.
pub struct Cut {
    /// The index.
    pub index: Index,
    /// Data blocks of the system partition.
    pub data_blocks: u64,
}

/// Bytes of a partition.
struct Extent {
    part: Part,
    start: u64,
    end: u64,
}

/// Cuts slot A of `disk`, a raw image, and writes the chunks to `pack`.
///
/// # Errors
/// When the slot is empty or damaged, or `pack` cannot be written.
pub fn cut(disk: &mut File, image: &Path, pack: &mut impl Write, stage: &Stage) -> Result<Cut, PublishError> {
    let (extents, data_blocks) = extents(disk, image)?;
    let mut regions = Vec::new();
    let mut repeats = Repeats::default();
    for (number, extent) in extents.into_iter().enumerate() {
        let start = extent.part.of(Slot::A).start + extent.start;
        disk.seek(SeekFrom::Start(start)).map_err(at(image))?;
        let source = Read::by_ref(disk).take(extent.end - extent.start);
        let mut entries = Vec::new();
        let mut offset = extent.start;
        for chunk in chunks::cut(source) {
            let chunk = chunk.map_err(|error| at(image)(std::io::Error::other(error)))?;
            let id = ChunkId::of(&chunk.bytes);
            let bytes = u32::try_from(chunk.bytes.len()).map_err(std::io::Error::other).map_err(at(image))?;
            let stored = if repeats.may_leave_out(id, number, offset) {
                0
            } else {
                store(&chunk.bytes, pack).map_err(at("the pack"))?
            };
            entries.push(Entry { id, bytes, stored });
            offset += u64::from(bytes);
            stage.add(chunk.bytes.len() as u64);
        }
        regions.push(Region { part: extent.part, offset: extent.start, chunks: entries });
    }
    Ok(Cut { index: Index { regions }, data_blocks })
}

/// What of a slot is published, in the order in which a device writes it. The first block of the boot partition comes last:
/// without it there is no file system, and the firmware passes the partition by.
fn extents(disk: &mut File, image: &Path) -> Result<(Vec<Extent>, u64), PublishError> {
    let refuse = |why: String| PublishError::Slot { image: image.to_owned(), why };
    let (boot, system) = (layout::boot(Slot::A), layout::system(Slot::A));
    let mut header = [0; BLOCK];
    disk.seek(SeekFrom::Start(system.start + HASH_OFFSET)).map_err(at(image))?;
    disk.read_exact(&mut header).map_err(at(image))?;
    let blocks = Header::decode(&header).map_err(|error| refuse(error.to_string()))?.data_blocks;
    let block = BLOCK as u64;
    let mut file_system = Window { disk, start: boot.start, bytes: boot.bytes, at: 0 };
    let used =
        fat::used(&mut file_system).map_err(|error| refuse(error.to_string()))?.next_multiple_of(ALIGN);
    let extent = |part, start, end| Extent { part, start, end };
    let extents = vec![
        extent(Part::System, 0, blocks * block),
        extent(Part::System, HASH_OFFSET, HASH_OFFSET + block * (1 + hash_blocks(blocks))),
        extent(Part::Boot, ALIGN, used),
        extent(Part::Boot, 0, ALIGN),
    ];
    Ok((extents, blocks))
}

/// Appends a chunk to the pack, compressed if that makes it shorter. Returns its length there.
fn store(bytes: &[u8], pack: &mut impl Write) -> std::io::Result<u32> {
    let packed = zstd::bulk::compress(bytes, LEVEL)?;
    let stored = if packed.len() < bytes.len() { &packed[..] } else { bytes };
    pack.write_all(stored)?;
    u32::try_from(stored.len()).map_err(std::io::Error::other)
}

/// A partition as a file of its own.
struct Window<'a> {
    disk: &'a mut File,
    start: u64,
    bytes: u64,
    at: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.disk.seek(SeekFrom::Start(self.start + self.at))?;
        let read = Read::by_ref(self.disk).take(self.bytes.saturating_sub(self.at)).read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let from = |base: u64, by: i64| base.checked_add_signed(by).ok_or(std::io::ErrorKind::InvalidInput);
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => from(self.at, by)?,
            SeekFrom::End(by) => from(self.bytes, by)?,
        };
        Ok(self.at)
    }
}
