//! The GUID partition table as the bootloader reads it. Range checks shared with the MBR are in `table`.

use crate::bytes::{array, u32_at, u64_at};
use crate::disk::Disk;
use crate::log::Log;
use crate::reader::Reader;
use crate::table::{Entry, SECTOR, Table, TableError, check};

/// EFI System, C12A7328-F81F-11D2-BA4B-00A0C93EC93B, as stored.
const EFI_SYSTEM: [u8; 16] =
    [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];

/// Microsoft basic data, EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, as stored.
const BASIC_DATA: [u8; 16] =
    [0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7];

/// Largest array of entries that is read: the usual one is 128 entries of 128 bytes.
const MAX_ARRAY: u64 = 128 << 10;

/// Reads the primary GPT.
///
/// - Only EFI System and Microsoft basic data count as bootable: the only two type GUIDs in the bootloader
///   image of 2026-05-26.
/// - The backup at the end of the disk is not used, and a wrong checksum refuses the table. Inferred: no
///   message in the bootloader speaks of a backup; Linux would fall back to it, so a disk that needs it
///   would boot differently for the two.
/// - A number is refused when the entry of that number is not also the entry of that rank among the bootable
///   ones: rpi-eeprom issue 818 (open) reports endless loops where other partitions lie between, and the
///   bootloader logs an index over bootable entries.
pub(crate) fn read<D: Disk + ?Sized>(
    reader: &Reader<'_, D>,
    any_array: bool,
    log: &mut Log,
) -> Result<Table, TableError> {
    let mut header = [0_u8; 512];
    reader.read(SECTOR, &mut header)?;
    let array = read_array(reader, &header, any_array)?;
    let entry_size = usize::try_from(u32_at(&header, 84)).unwrap_or(128);
    let mut entries = Vec::new();
    let mut gaps = Vec::new();
    for (number, entry) in (1_u32..).zip(array.chunks_exact(entry_size)) {
        if !matches!(entry.first_chunk::<16>(), Some(&EFI_SYSTEM | &BASIC_DATA)) {
            continue;
        }
        entries.push(Entry { number, first: u64_at(entry, 32), last: u64_at(entry, 40) });
        if usize::try_from(number) != Ok(entries.len()) {
            gaps.push(number);
        }
    }
    if entries.is_empty() {
        return Err(TableError::NoBootableType);
    }
    log.step(format!("GPT with {} partition(s) of a bootable type.", entries.len()));
    let mut table = check(&entries, reader.size());
    for number in gaps {
        table.partitions.retain(|partition| partition.number != number);
        let reason = "partitions of other types come before it, which the firmware may count differently; \
                      put the FAT partitions first";
        log.warn(format!("Partition {number} is left out: {reason}."));
        table.refused.push((number, reason.to_owned()));
    }
    Ok(table)
}

/// Checks the header and reads the array of entries that it describes.
fn read_array<D: Disk + ?Sized>(
    reader: &Reader<'_, D>,
    header: &[u8; 512],
    any_array: bool,
) -> Result<Vec<u8>, TableError> {
    let bad = |reason: String| Err(TableError::BadGpt(reason));
    if array(header, 0) != Some(*b"EFI PART") {
        return bad("no header in sector 1".to_owned());
    }
    let size = usize::try_from(u32_at(header, 12)).unwrap_or(0);
    let mut summed = *header;
    if let Some(sum) = summed.get_mut(16..20) {
        sum.fill(0);
    }
    match summed.get(..size) {
        Some(bytes) if size >= 92 && crc32fast::hash(bytes) == u32_at(header, 16) => {}
        _ => return bad("wrong header checksum".to_owned()),
    }
    let (at, count, entry) = (u64_at(header, 72), u32_at(header, 80), u32_at(header, 84));
    let length = u64::from(count) * u64::from(entry);
    if entry < 128 || entry % 8 != 0 || count == 0 || length > MAX_ARRAY {
        return bad(format!("{count} entries of {entry} bytes"));
    }
    if at != 2 && !any_array {
        return bad(format!("this EEPROM release reads entries only in sector 2, they are in {at}"));
    }
    let mut entries = vec![0; usize::try_from(length).unwrap_or(0)];
    reader.read(at.saturating_mul(SECTOR), &mut entries)?;
    if crc32fast::hash(&entries) != u32_at(header, 88) {
        return bad("wrong checksum of the entries".to_owned());
    }
    Ok(entries)
}
