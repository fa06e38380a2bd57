//! The disk layout of DESIGN section 4 as numbers: which partition lies where, and what it is called.
//!
//! Writing it to a disk is left to [`crate::table`]; reading it on the device as the firmware would, to
//! `tayberry-firmware`.

use crate::slot::Slot;

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;

/// Logical sector size in bytes. Drives with 4096-byte logical sectors are refused: the commit of an update
/// is one write of this size.
pub const SECTOR: u64 = 512;

/// Size of one system partition in bytes: EROFS first, its hash tree at [`HASH_OFFSET`].
pub const SYSTEM_BYTES: u64 = 2048 * MIB;

/// Where the hash tree begins inside a system partition, in bytes.
///
/// Fixed, so that the kernel command lines of two versions differ in the root hash alone. The 32 MiB behind
/// it hold the tree of a full partition: one 4 KiB hash block per 128 data blocks, and its upper levels.
pub const HASH_OFFSET: u64 = SYSTEM_BYTES - 32 * MIB;

/// A partition's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Number in the partition table, from 1.
    pub number: u32,
    /// Name in the partition table.
    pub name: &'static str,
    /// First byte on the disk.
    pub start: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// What lies in it.
    pub kind: Kind,
}

/// What a partition holds; decides its type in the partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A FAT file system that the firmware may read. Of type *Microsoft basic data*, first and contiguous:
    /// the Pi 5 bootloader knows this type and EFI System only, and interleaved FAT partitions made it loop
    /// on tryboot (rpi-eeprom issue 818).
    Fat,
    /// EROFS and its hash tree.
    System,
    /// The data partition, made at first boot.
    Data,
}

const fn partition(number: u32, name: &'static str, start_mib: u64, mib: u64, kind: Kind) -> Partition {
    Partition { number, name, start: start_mib * MIB, bytes: mib * MIB, kind }
}

/// Config partition: `autoboot.txt`, preseed, claim, boot counter. Nothing bootable.
pub const CONFIG: Partition = partition(1, "config", 4, 64, Kind::Fat);
const BOOT_A: Partition = partition(2, "boot-a", 68, 256, Kind::Fat);
const BOOT_B: Partition = partition(3, "boot-b", 324, 256, Kind::Fat);
const SYSTEM_A: Partition = partition(4, "system-a", 580, 2048, Kind::System);
const SYSTEM_B: Partition = partition(5, "system-b", 2628, 2048, Kind::System);

/// The partitions that an image carries; the data partition follows them on the device.
pub const IMAGE: [Partition; 5] = [CONFIG, BOOT_A, BOOT_B, SYSTEM_A, SYSTEM_B];

/// Number and name of the data partition in the table.
pub const DATA_NUMBER: u32 = 6;
/// Name of the data partition in the table.
pub const DATA_NAME: &str = "data";
/// Where the data partition begins on every disk, in bytes; it ends with the disk.
pub const DATA_START: u64 = 4676 * MIB;

/// Length of an image file in bytes: all partitions but data, and room for the backup partition table.
pub const IMAGE_BYTES: u64 = DATA_START + MIB;

/// The smallest disk that an image may be written to, in bytes: both slots and 2 GiB of data.
pub const SMALLEST_DISK: u64 = DATA_START + 2048 * MIB;

/// The boot partition of a slot.
#[must_use]
pub const fn boot(slot: Slot) -> Partition {
    match slot {
        Slot::A => BOOT_A,
        Slot::B => BOOT_B,
    }
}

/// The system partition of a slot.
#[must_use]
pub const fn system(slot: Slot) -> Partition {
    match slot {
        Slot::A => SYSTEM_A,
        Slot::B => SYSTEM_B,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_contiguous_and_in_order() {
        for (index, pair) in IMAGE.windows(2).enumerate() {
            assert_eq!(pair[0].start + pair[0].bytes, pair[1].start, "after partition {}", index + 1);
            assert_eq!(pair[0].number + 1, pair[1].number);
        }
        assert_eq!(SYSTEM_B.start + SYSTEM_B.bytes, DATA_START);
    }

    #[test]
    fn slots_agree_with_the_table() {
        for slot in Slot::ALL {
            assert_eq!(boot(slot).number, slot.boot_partition());
            assert_eq!(system(slot).number, slot.system_partition());
        }
    }
}
