//! Which partitions the firmware sees. GPT is in `gpt`; this file holds the MBR and the rules for both.
//! Whether a partition holds a readable file system is left to `fat`.

use crate::bytes::{array, u8_at, u32_at};
use crate::disk::{Disk, DiskError};
use crate::gpt;
use crate::log::Log;
use crate::reader::Reader;

/// Bytes in a logical sector. Drives with 4096-byte sectors are not modelled: the bootloader reads them
/// since 2025-10-17, but our images refuse them.
pub(crate) const SECTOR: u64 = 512;

/// MBR types that hold a FAT file system, EFI System included. Source: the usual assignments; the bootloader
/// logs "Non FAT partition" for others. Linux (0x83) is among those skipped.
const FAT_TYPES: [u8; 7] = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef];

/// The disk has no partition table that the firmware would use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error("no boot signature in the first sector: flash the disk again")]
    NoTable,
    #[error("the GPT is damaged ({0}): restore it from its backup or flash the disk again")]
    BadGpt(String),
    #[error("the GPT holds no partition of type EFI System or Microsoft basic data: flash the disk again")]
    NoBootableType,
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// One partition of a type the firmware opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Number in the table, from 1.
    pub(crate) number: u32,
    /// First byte.
    pub(crate) start: u64,
    /// Length in bytes.
    pub(crate) length: u64,
}

/// The partitions that may be booted from, in table order.
#[derive(Debug)]
pub(crate) struct Table {
    /// Usable entries of a bootable type.
    pub(crate) partitions: Vec<Partition>,
    /// Numbers of entries that cannot be trusted, with the reason.
    pub(crate) refused: Vec<(u32, String)>,
}

impl Table {
    /// Whether the table has an entry of a bootable type for this number.
    pub(crate) fn lists(&self, number: u32) -> bool {
        number == 0
            || self.partitions.iter().any(|partition| partition.number == number)
            || self.refused.iter().any(|(refused, _)| *refused == number)
    }

    /// The partition that a number means: 0 is the first one of a bootable type.
    pub(crate) fn get(&self, number: u32) -> Result<Partition, String> {
        if number == 0 {
            return self.partitions.first().copied().ok_or_else(|| "no FAT partition".to_owned());
        }
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| *refused == number) {
            return Err(reason.clone());
        }
        let found = self.partitions.iter().find(|partition| partition.number == number);
        found.copied().ok_or_else(|| "not in the partition table, or not of a FAT type".to_owned())
    }
}

/// Reads the table: a GPT where the MBR announces one, the four primaries otherwise.
///
/// Logical partitions in an extended one are not seen (inferred: the bootloader only has the message
/// "Extended partition not FAT").
pub(crate) fn read<D: Disk + ?Sized>(
    reader: &Reader<'_, D>,
    any_array: bool,
    log: &mut Log,
) -> Result<Table, TableError> {
    let mut sector = [0_u8; 512];
    reader.read(0, &mut sector)?;
    if array(&sector, 510) != Some([0x55, 0xaa]) {
        return Err(TableError::NoTable);
    }
    if (0..4).any(|index| u8_at(&sector, 446 + 16 * index + 4) == 0xee) {
        return gpt::read(reader, any_array, log);
    }
    let mut entries = Vec::new();
    for (number, index) in (1..=4_u32).zip(0_usize..) {
        let at = 446 + 16 * index;
        if FAT_TYPES.contains(&u8_at(&sector, at + 4)) {
            let (first, count) = (u64::from(u32_at(&sector, at + 8)), u64::from(u32_at(&sector, at + 12)));
            entries.push(Entry { number, first, last: first.saturating_add(count).saturating_sub(1) });
        }
    }
    log.step(format!("MBR with {} FAT partition(s).", entries.len()));
    Ok(check(&entries, reader.size()))
}

/// An entry as the table spells it, in sectors, both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Refuses entries that lie outside the disk, are empty, or overlap another one of them. Inferred: the
/// bootloader may read such a partition, but two slots that share sectors are not a bootable disk to us.
pub(crate) fn check(entries: &[Entry], size: u64) -> Table {
    let sectors = size / SECTOR;
    let mut table = Table { partitions: Vec::new(), refused: Vec::new() };
    for entry in entries {
        let overlapped = entries.iter().find(|other| {
            other.number != entry.number && other.first <= entry.last && entry.first <= other.last
        });
        if entry.first == 0 || entry.last < entry.first || entry.last >= sectors {
            table.refused.push((
                entry.number,
                format!("its sectors {}..={} lie outside the disk", entry.first, entry.last),
            ));
        } else if let Some(other) = overlapped {
            table.refused.push((entry.number, format!("it overlaps partition {}", other.number)));
        } else {
            let length = (entry.last - entry.first + 1).saturating_mul(SECTOR);
            table.partitions.push(Partition { number: entry.number, start: entry.first * SECTOR, length });
        }
    }
    table
}
