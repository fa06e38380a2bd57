//! The boot sector and reading of whole files. Sources: Microsoft "FAT: General Overview of On-Disk Format"
//! 1.03; Raspberry Pi documentation, `boot_partition` (FAT12, FAT16 and FAT32 are bootable).

use super::{BootFile, Extent, FatError};
use crate::bytes::{array, u8_at, u16_at, u32_at};
use crate::disk::Disk;
use crate::reader::Reader;
use crate::table::Partition;

/// Width of an entry in the allocation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fat12,
    Fat16,
    Fat32,
}

/// Where the root directory lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Root {
    Fixed(Extent),
    Cluster(u32),
}

/// An opened file system. Offsets are bytes from the start of the disk.
pub(crate) struct Volume<'r, D: ?Sized> {
    pub(super) reader: &'r Reader<'r, D>,
    pub(super) kind: Kind,
    pub(super) fat: Extent,
    pub(super) data: u64,
    pub(super) cluster: u64,
    pub(super) clusters: u32,
    pub(super) root: Root,
}

impl<'r, D: Disk + ?Sized> Volume<'r, D> {
    /// Reads and checks the boot sector of a partition.
    ///
    /// A volume with the header of a FAT32 but fewer than 65,525 clusters is refused: by Microsoft's rule it
    /// is a FAT16, by its header a FAT32, and drivers disagree.
    pub(crate) fn open(reader: &'r Reader<'r, D>, partition: Partition) -> Result<Self, FatError> {
        let mut sector = [0_u8; 512];
        reader.read(partition.start, &mut sector)?;
        if array(&sector, 510) != Some([0x55, 0xaa]) {
            return Err(FatError::NotFat("no boot signature".to_owned()));
        }
        let (sector_size, per_cluster) = (u64::from(u16_at(&sector, 11)), u64::from(u8_at(&sector, 13)));
        let (reserved, copies) = (u64::from(u16_at(&sector, 14)), u64::from(u8_at(&sector, 16)));
        let root_bytes = u64::from(u16_at(&sector, 17)) * 32;
        let total = either(u64::from(u16_at(&sector, 19)), u64::from(u32_at(&sector, 32)));
        let small_fat = u64::from(u16_at(&sector, 22));
        let fat_sectors = either(small_fat, u64::from(u32_at(&sector, 36)));
        if !matches!(sector_size, 512 | 1024 | 2048 | 4096) || !per_cluster.is_power_of_two() {
            return Err(FatError::NotFat(format!(
                "{per_cluster} sectors of {sector_size} bytes in a cluster"
            )));
        }
        if reserved == 0 || !(1..=2).contains(&copies) || fat_sectors == 0 {
            return Err(FatError::NotFat(format!("{reserved} reserved sectors, {copies} tables")));
        }
        if total * sector_size > partition.length {
            return Err(FatError::Damaged(format!("{total} sectors do not fit the partition")));
        }
        let tables = copies * fat_sectors;
        let data_sector = reserved + tables + root_bytes.div_ceil(sector_size);
        let clusters = total.saturating_sub(data_sector) / per_cluster;
        let kind = match clusters {
            0 => return Err(FatError::NotFat("no clusters".to_owned())),
            1..4085 => Kind::Fat12,
            4085..65_525 => Kind::Fat16,
            _ => Kind::Fat32,
        };
        let clusters = u32::try_from(clusters).unwrap_or(u32::MAX);
        if clusters > 0x0fff_fff4 || (kind == Kind::Fat32) != (small_fat == 0 && root_bytes == 0) {
            return Err(FatError::Damaged(format!(
                "a {kind:?} of {clusters} clusters with another's header"
            )));
        }
        let fat =
            Extent { offset: partition.start + reserved * sector_size, length: fat_sectors * sector_size };
        let root = if kind == Kind::Fat32 {
            if u16_at(&sector, 40) & 0x8f > 0x80 {
                return Err(FatError::Damaged("its first table is not the active one".to_owned()));
            }
            Root::Cluster(u32_at(&sector, 44))
        } else {
            Root::Fixed(Extent {
                offset: partition.start + (reserved + tables) * sector_size,
                length: root_bytes,
            })
        };
        let data = partition.start + data_sector * sector_size;
        let volume = Self { reader, kind, fat, data, cluster: per_cluster * sector_size, clusters, root };
        volume.check_table()?;
        Ok(volume)
    }

    /// The allocation table must have an entry for each cluster.
    fn check_table(&self) -> Result<(), FatError> {
        let entries = u64::from(self.clusters) + 2;
        let bits = match self.kind {
            Kind::Fat12 => entries * 12,
            Kind::Fat16 => entries * 16,
            Kind::Fat32 => entries * 32,
        };
        if bits.div_ceil(8) > self.fat.length {
            return Err(FatError::Damaged(format!("its table is too short for {} clusters", self.clusters)));
        }
        Ok(())
    }

    /// Reads all of a file of at most `limit` bytes.
    pub(crate) fn read(&self, file: &BootFile, limit: u64) -> Result<Vec<u8>, FatError> {
        if file.size > limit {
            return Err(FatError::Damaged(format!(
                "{} has {} bytes, more than {limit}",
                file.path, file.size
            )));
        }
        let mut bytes = vec![0; usize::try_from(file.size).unwrap_or(0)];
        let mut rest = bytes.as_mut_slice();
        for extent in &file.extents {
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(rest.len());
            let (piece, tail) = rest.split_at_mut(length);
            self.reader.read(extent.offset, piece)?;
            rest = tail;
        }
        Ok(bytes)
    }

    /// Reads `buffer.len()` bytes of a file from `offset`; `false` when the file is too short.
    pub(crate) fn read_part(
        &self,
        file: &BootFile,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<bool, FatError> {
        if offset.saturating_add(buffer.len() as u64) > file.size {
            return Ok(false);
        }
        let mut skip = offset;
        let mut rest = buffer;
        for extent in &file.extents {
            if skip >= extent.length {
                skip -= extent.length;
                continue;
            }
            let length = usize::try_from(extent.length - skip).unwrap_or(usize::MAX).min(rest.len());
            let (piece, tail) = rest.split_at_mut(length);
            self.reader.read(extent.offset + skip, piece)?;
            rest = tail;
            skip = 0;
            if rest.is_empty() {
                break;
            }
        }
        Ok(true)
    }
}

/// The 16-bit field, or the 32-bit one where the first is 0.
const fn either(small: u64, large: u64) -> u64 {
    if small == 0 { large } else { small }
}
