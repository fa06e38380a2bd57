//! Writes the partition table, and adds the data partition to it on the device. Reading one with suspicion
//! (a foreign or damaged disk) is `tayberry-firmware`'s work.

use std::io::{Read, Seek, Write};

use gptman::{GPT, GPTPartitionEntry};
use sha2::{Digest, Sha256};

use crate::layout::{self, DATA_NAME, DATA_NUMBER, DATA_START, Kind, SECTOR};

/// *Microsoft basic data*, EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, in the byte order of the table
/// (UEFI specification 2.10, section 5.3.3).
const BASIC_DATA: [u8; 16] =
    [0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7];
/// *Linux file system data*, 0FC63DAF-8483-4772-8E79-3D69D8477DE4.
const LINUX_DATA: [u8; 16] =
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];

/// A partition table that could not be written or extended.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The library refused or the disk failed.
    #[error("the partition table cannot be read or written: {0}")]
    Gpt(#[from] gptman::Error),
    /// The disk ends before the data partition could begin.
    #[error("the disk has {have} bytes; Tayberry needs at least {} bytes", layout::SMALLEST_DISK)]
    TooSmall {
        /// Bytes that the disk has.
        have: u64,
    },
    /// The table is none that [`write_image`] makes.
    #[error("it has no partition table of a Tayberry image")]
    NotAnImage,
    /// A partition is not where this version of Tayberry puts it.
    #[error("partition {number} is not Tayberry's: it should begin at byte {start}; this disk is left alone")]
    NotOurs {
        /// Its number, from 1.
        number: u32,
        /// Where it should begin, in bytes.
        start: u64,
    },
}

/// A GUID that depends on nothing but the two texts, so that two builds of one lock are identical.
#[must_use]
pub fn stable_guid(seed: &[u8], name: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(seed).chain_update([0]).chain_update(name).finalize();
    let mut guid = [0; 16];
    guid.copy_from_slice(&digest[..16]);
    // Version 8 (vendor-specific), variant 1 of RFC 9562; the version nibble is in byte 7 of GPT's mixed order.
    guid[7] = (guid[7] & 0x0f) | 0x80;
    guid[8] = (guid[8] & 0x3f) | 0x80;
    guid
}

/// Writes the table of a fresh image of [`layout::IMAGE_BYTES`] to `disk`.
///
/// # Errors
/// When `disk` cannot be written or is smaller than an image.
pub fn write_image<D: Read + Write + Seek>(disk: &mut D, seed: &[u8]) -> Result<(), TableError> {
    let mut gpt = GPT::new_from(disk, SECTOR, stable_guid(seed, "disk"))?;
    gpt.align = layout::MIB / SECTOR;
    for part in layout::IMAGE {
        let kind = match part.kind {
            Kind::Fat => BASIC_DATA,
            Kind::System | Kind::Data => LINUX_DATA,
        };
        gpt[part.number] = GPTPartitionEntry {
            partition_type_guid: kind,
            unique_partition_guid: stable_guid(seed, part.name),
            starting_lba: part.start / SECTOR,
            ending_lba: (part.start + part.bytes) / SECTOR - 1,
            attribute_bits: 0,
            partition_name: part.name.into(),
        };
    }
    gpt.write_into(disk)?;
    GPT::write_protective_mbr_into(disk, SECTOR)?;
    Ok(())
}

/// Adds the data partition, or grows it to the end of the disk. Returns its first and last sector, and
/// whether anything changed. Doing it twice is harmless; no byte of any partition is touched.
///
/// # Errors
/// When the disk is not laid out by us, is too small, or cannot be written.
pub fn ensure_data<D: Read + Write + Seek>(
    disk: &mut D,
    disk_bytes: u64,
) -> Result<(DataPartition, bool), TableError> {
    if disk_bytes < layout::SMALLEST_DISK {
        return Err(TableError::TooSmall { have: disk_bytes });
    }
    let mut gpt = GPT::read_from(disk, SECTOR)?;
    for part in layout::IMAGE {
        if gpt[part.number].starting_lba != part.start / SECTOR {
            return Err(TableError::NotOurs { number: part.number, start: part.start });
        }
    }
    let wanted = DataPartition { first: DATA_START / SECTOR, last: last_usable(disk_bytes) };
    let have = &gpt[DATA_NUMBER];
    if have.starting_lba == wanted.first && have.ending_lba == wanted.last {
        return Ok((wanted, false));
    }
    if have.starting_lba != 0 && have.starting_lba != wanted.first {
        return Err(TableError::NotOurs { number: DATA_NUMBER, start: DATA_START });
    }
    let guid = stable_guid(&gpt.header.disk_guid, DATA_NAME);
    gpt.header.update_from(disk, SECTOR)?;
    gpt[DATA_NUMBER] = GPTPartitionEntry {
        partition_type_guid: LINUX_DATA,
        unique_partition_guid: guid,
        starting_lba: wanted.first,
        ending_lba: wanted.last,
        attribute_bits: 0,
        partition_name: DATA_NAME.into(),
    };
    gpt.write_into(disk)?;
    GPT::write_protective_mbr_into(disk, SECTOR)?;
    Ok((wanted, true))
}

/// The sectors of the data partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPartition {
    /// First sector.
    pub first: u64,
    /// Last sector, included.
    pub last: u64,
}

/// Checks that `head`, the beginning of an image file, carries the table of an image: every partition of
/// [`layout::IMAGE`] by number, name and place. The first 35 sectors are needed; nothing behind them is looked at.
///
/// # Errors
/// [`TableError::NotAnImage`], or [`TableError::NotOurs`] for the first partition that differs.
pub fn check_image(head: &[u8]) -> Result<(), TableError> {
    checked(head).map(drop)
}

/// A partition as the table of a disk has it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Number in the table, from 1.
    pub number: u32,
    /// Name in the table.
    pub name: String,
    /// What its type is called.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// First byte on the disk.
    pub start: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// Every partition in the table of an image or of a disk that one was written to. `head` as for [`check_image`].
///
/// # Errors
/// As [`check_image`].
pub fn list(head: &[u8]) -> Result<Vec<Listed>, TableError> {
    let gpt = checked(head)?;
    let used = gpt.iter().filter(|(_, entry)| entry.is_used());
    Ok(used
        .map(|(number, entry)| Listed {
            number,
            name: entry.partition_name.as_str().to_owned(),
            kind: match entry.partition_type_guid {
                BASIC_DATA => "Microsoft basic data",
                LINUX_DATA => "Linux file system data",
                _ => "other",
            },
            start: entry.starting_lba.saturating_mul(SECTOR),
            bytes: (entry.ending_lba.saturating_add(1))
                .saturating_sub(entry.starting_lba)
                .saturating_mul(SECTOR),
        })
        .collect())
}

fn checked(head: &[u8]) -> Result<GPT, TableError> {
    /// Where the header counts its entries: 128 of 128 bytes (UEFI specification 2.10, table 5.5). Checked before
    /// the library reads them, because it reads as many as a file claims to have.
    const COUNTS: std::ops::Range<usize> = 512 + 80..512 + 88;
    let counts = [128_u32.to_le_bytes(), 128_u32.to_le_bytes()].concat();
    // The table has 34 sectors; the library reads a few bytes past its last entry.
    let table = head.get(..35 * 512).ok_or(TableError::NotAnImage)?;
    if table.get(COUNTS) != Some(&counts[..]) {
        return Err(TableError::NotAnImage);
    }
    let gpt = GPT::read_from(&mut std::io::Cursor::new(table), SECTOR).map_err(|_| TableError::NotAnImage)?;
    for part in layout::IMAGE {
        let entry = &gpt[part.number];
        let sectors = (part.start / SECTOR, (part.start + part.bytes) / SECTOR - 1);
        let same = (entry.starting_lba, entry.ending_lba) == sectors;
        if !same || entry.partition_name.as_str() != part.name {
            return Err(TableError::NotOurs { number: part.number, start: part.start });
        }
    }
    Ok(gpt)
}

/// The last sector that a partition may use: in front of the backup table (33 sectors), on a 1 MiB boundary.
fn last_usable(disk_bytes: u64) -> u64 {
    let end = disk_bytes / SECTOR - 33 - 1;
    end / (layout::MIB / SECTOR) * (layout::MIB / SECTOR) - 1
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A disk in memory that answers only where the table lies; partitions are never touched.
    fn image() -> Sparse {
        let mut disk = Sparse::new(layout::IMAGE_BYTES);
        write_image(&mut disk, b"seed").unwrap();
        disk
    }

    #[test]
    fn two_tables_of_one_seed_are_identical() {
        assert_eq!(image().head, image().head);
    }

    #[test]
    fn data_is_made_once_then_left_alone() {
        let mut disk = image();
        disk.size = 32 << 30;
        let (made, changed) = ensure_data(&mut disk, 32 << 30).unwrap();
        assert!(changed);
        assert_eq!(made.first * SECTOR, DATA_START);
        let before = disk.head.clone();
        assert_eq!(ensure_data(&mut disk, 32 << 30).unwrap(), (made, false));
        assert_eq!(disk.head, before);
        // A larger disk: the partition grows, its beginning stays.
        disk.size = 64 << 30;
        let (grown, changed) = ensure_data(&mut disk, 64 << 30).unwrap();
        assert!(changed && grown.last > made.last && grown.first == made.first);
    }

    #[test]
    fn a_foreign_or_small_disk_is_refused() {
        let mut disk = image();
        assert!(matches!(ensure_data(&mut disk, layout::IMAGE_BYTES), Err(TableError::TooSmall { .. })));
        let mut foreign = Cursor::new(vec![0; 1 << 20]);
        let mut gpt = GPT::new_from(&mut foreign, SECTOR, [7; 16]).unwrap();
        gpt.write_into(&mut foreign).unwrap();
        assert!(matches!(ensure_data(&mut foreign, 32 << 30), Err(TableError::NotOurs { .. })));
    }

    #[test]
    fn an_image_is_told_from_other_files() {
        let head = image().head;
        let listed = list(&head).unwrap();
        let places: Vec<_> = listed.iter().map(|part| (part.number, part.start, part.bytes)).collect();
        assert_eq!(places, layout::IMAGE.map(|part| (part.number, part.start, part.bytes)));
        assert_eq!((listed[4].name.as_str(), listed[4].kind), ("system-b", "Linux file system data"));
        let changed = |at: usize| {
            let mut head = head.clone();
            head[at] ^= 1;
            check_image(&head)
        };
        for (name, result) in [
            ("empty", check_image(&[])),
            ("short", check_image(&head[..35 * 512 - 1])),
            ("zeros", check_image(&[0; 1 << 20])),
            ("entry", changed(1024 + 32)),
            ("header", changed(512 + 40)),
            ("count", changed(512 + 83)),
        ] {
            assert!(matches!(result, Err(TableError::NotAnImage)), "{name}: {result:?}");
        }
        let mut other = Sparse::new(layout::IMAGE_BYTES);
        let mut gpt = GPT::new_from(&mut other, SECTOR, [7; 16]).unwrap();
        gpt.write_into(&mut other).unwrap();
        assert!(matches!(check_image(&other.head), Err(TableError::NotOurs { number: 1, .. })));
    }

    /// Keeps the first and last mebibyte; the rest reads as zero.
    struct Sparse {
        head: Vec<u8>,
        tail: std::collections::BTreeMap<u64, u8>,
        size: u64,
        at: u64,
    }

    impl Sparse {
        fn new(size: u64) -> Self {
            Self { head: vec![0; 1 << 20], tail: std::collections::BTreeMap::new(), size, at: 0 }
        }
    }

    impl Read for Sparse {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            for byte in buf.iter_mut() {
                let index = usize::try_from(self.at).unwrap();
                *byte = self.head.get(index).or_else(|| self.tail.get(&self.at)).copied().unwrap_or(0);
                self.at += 1;
            }
            Ok(buf.len())
        }
    }

    impl Write for Sparse {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            for byte in buf {
                match self.head.get_mut(usize::try_from(self.at).unwrap()) {
                    Some(place) => *place = *byte,
                    None => drop(self.tail.insert(self.at, *byte)),
                }
                self.at += 1;
            }
            Ok(buf.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Sparse {
        fn seek(&mut self, pos: std::io::SeekFrom) -> std::io::Result<u64> {
            self.at = match pos {
                std::io::SeekFrom::Start(n) => n,
                std::io::SeekFrom::End(n) => self.size.checked_add_signed(n).unwrap(),
                std::io::SeekFrom::Current(n) => self.at.checked_add_signed(n).unwrap(),
            };
            Ok(self.at)
        }
    }
}
