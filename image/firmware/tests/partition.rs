//! Which partition boots: a row for each rule and each surprising fact.

mod common;

use common::{AUTOBOOT, CONFIG, EFI_SYSTEM, LINUX, Row, TREE, run, tree};
use fatfs::FatType;
use tayberry_firmware::{Board, BootWatchdog, ResetState};

const TRY: fn(&mut ResetState) = |reset| reset.try_once = true;

/// 2025-01-01: no walk, no expressions, no watchdog.
const OLD: fn(&mut Board) = |board| board.eeprom.build = 1_735_689_600;

#[rustfmt::skip]
const CHOICE: &[Row] = &[
    ("power-on boots what autoboot.txt names", |_| {}, |_| {}, |_| {}, "boots2 reported=2 try=0 config.txt complete=1"),
    ("try-once boots the [tryboot] partition", |_| {}, |_| {}, TRY, "boots3 reported=3 try=1 config.txt complete=1"),
    ("commit is the swapped file", |c| c.put(1, "autoboot.txt", "[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n"),
        |_| {}, |_| {}, "boots3"),
    ("a later line wins", |c| c.put(1, "autoboot.txt", "boot_partition=2\nboot_partition=3\n"), |_| {}, |_| {}, "boots3"),
    ("[none] hides", |c| c.put(1, "autoboot.txt", "[none]\nboot_partition=3\n[all]\nboot_partition=2\n"), |_| {}, |_| {}, "boots2"),
    ("other filters are unknown in autoboot.txt", |c| c.put(1, "autoboot.txt", "boot_partition=3\n[pi5]\nboot_partition=2\n"), |_| {}, |_| {}, "boots3 complete=0"),
    ("reboot N goes before autoboot.txt", |_| {}, |_| {}, |r| r.partition = 3, "boots3 try=0"),
    ("reboot N with the flag reads no autoboot.txt of partition 1, so wants tryboot.txt",
        |c| c.put(3, "tryboot.txt", CONFIG), |_| {}, |r| { r.partition = 3; r.try_once = true; }, "boots3 tryboot.txt"),
    ("reboot N goes before PARTITION", |_| {}, |b| b.eeprom.partition = 2, |r| r.partition = 3, "boots3"),
    ("PARTITION counts where nothing else names one", |c| c.remove(1, "autoboot.txt"), |b| b.eeprom.partition = 3, |_| {}, "boots3"),
    ("PARTITION loses against autoboot.txt", |_| {}, |b| b.eeprom.partition = 3, |_| {}, "boots2"),
    ("PARTITION replaces high numbers (watchdog trick)", |_| {}, |b| b.eeprom.partition = 3, |r| r.partition = 62, "boots3"),
    ("a high number that nothing replaces walks to the first slot", |_| {}, |_| {}, |r| r.partition = 62, "boots2"),
    ("short names in capitals answer too", |c| { c.remove(1, "autoboot.txt"); c.put(1, "AUTOBOOT.TXT", AUTOBOOT); },
        |_| {}, |_| {}, "boots2 complete=1"),
    ("autoboot.txt missing: A, whatever was committed", |c| c.remove(1, "autoboot.txt"), |_| {}, |_| {}, "boots2 reported=2"),
    ("autoboot.txt random: A", |c| c.put(1, "autoboot.txt", [0x9c; 512]), |_| {}, |_| {}, "boots2 reported=2 complete=0"),
    ("autoboot.txt empty: A", |c| c.put(1, "autoboot.txt", ""), |_| {}, |_| {}, "boots2"),
    ("autoboot.txt of 513 bytes counts for nothing", |c| c.put(1, "autoboot.txt", format!("boot_partition=3\n{}", "#".repeat(496))),
        |_| {}, |_| {}, "boots2 complete=0"),
    ("autoboot.txt of 512 bytes counts", |c| c.put(1, "autoboot.txt", format!("boot_partition=3\n{}", "#".repeat(495))), |_| {}, |_| {}, "boots3"),
    ("a file padded with NULs counts", |c| { let mut t = b"boot_partition=3\n".to_vec(); t.resize(512, 0); c.put(1, "autoboot.txt", t); },
        |_| {}, |_| {}, "boots3"),
    ("autoboot.txt missing in a trial: tryboot_a_b is unknown, tryboot.txt is wanted, nothing boots",
        |c| c.remove(1, "autoboot.txt"), |_| {}, TRY, "nothing-bootable stuck"),
    ("without tryboot_a_b a trial loads tryboot.txt", |c| { c.put(1, "autoboot.txt", "boot_partition=2\n"); c.put(2, "tryboot.txt", CONFIG); },
        |_| {}, TRY, "boots2 tryboot.txt try=1"),
    ("the trial slot unbootable: the walk boots A with the flag set", |c| c.remove(3, "config.txt"), |_| {}, TRY, "boots2 reported=2 try=1 complete=0"),
    ("the default slot unbootable: the walk boots B", |c| c.remove(2, "config.txt"), |_| {}, |_| {}, "boots3 reported=3 try=0"),
    ("no device tree is unbootable, too", |c| c.remove(2, TREE), |_| {}, |_| {}, "boots3"),
    ("a device tree for another board is unbootable", |c| c.put(2, TREE, tree(&["brcm,bcm2711"])), |_| {}, |_| {}, "boots3"),
    ("a cut device tree is unbootable", |c| { let t = tree(&["brcm,bcm2712"]); c.put(2, TREE, &t[..t.len() - 1]); }, |_| {}, |_| {}, "boots3"),
    ("both slots gone", |c| { c.remove(2, "config.txt"); c.remove(3, "config.txt"); }, |_| {}, |_| {}, "nothing-bootable stuck"),
    ("the walk can be switched off", |c| c.remove(2, "config.txt"), |b| b.eeprom.partition_walk = Some(false), |_| {}, "nothing-bootable"),
    ("old releases do not walk", |c| c.remove(2, "config.txt"), OLD, |_| {}, "nothing-bootable"),
    ("old releases boot whole disks", |_| {}, OLD, TRY, "boots3 complete=1"),
    ("between 2025-01 and 2025-08 the walk must be switched on", |c| c.remove(2, "config.txt"),
        |b| { b.eeprom.build = 1_745_000_000; b.eeprom.partition_walk = Some(true); }, |_| {}, "boots3"),
    ("the walk reads no autoboot.txt", |c| { c.put(3, "autoboot.txt", "boot_partition=2\n"); c.remove(2, "config.txt"); }, |_| {}, |_| {}, "boots3"),
    ("boot_partition beyond the table walks", |c| c.put(1, "autoboot.txt", "boot_partition=7\n"), |_| {}, |_| {}, "boots2"),
    ("a single FAT partition boots by default, and is reported as 0", |c| { c.remove(1, "autoboot.txt"); c.parts.remove(0); c.config("[boot_partition=0]\ndtoverlay=fan"); c.parts[0].files = c.parts[1].files.clone(); },
        |_| {}, |_| {}, "boots1 reported=0 overlays=overlays/fan.dtbo"),
    ("boot watchdog: a stuck search is reset to its partition", |c| { c.remove(2, "config.txt"); c.remove(3, "config.txt"); },
        |b| b.eeprom.boot_watchdog = Some(BootWatchdog { timeout: 60, partition: 3 }), |_| {}, "nothing-bootable resets-to-3"),
];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("MBR primaries", |c| c.mbr = true, |_| {}, TRY, "boots3 complete=1"),
    ("MBR without signature", |c| { c.mbr = true; c.patch = |d, _| d[510] = 0; }, |_| {}, |_| {}, "table"),
    ("a Linux type is not opened", |c| { c.mbr = true; c.parts[1].mbr_type = 0x83; }, |_| {}, |_| {}, "boots3"),
    ("EFI System type", |c| for part in &mut c.parts[..3] { part.guid = EFI_SYSTEM; }, |_| {}, |_| {}, "boots2"),
    ("a Linux GUID is not opened", |c| c.parts[1].guid = LINUX, |_| {}, |_| {}, "nothing-bootable"),
    ("FAT partitions that are not first are refused (issue 818)", |c| { c.parts.swap(2, 3); c.put(1, "autoboot.txt", "boot_partition=4\n"); },
        |_| {}, |_| {}, "boots2 complete=0"),
    ("GPT header changed: no fall-back to the backup", |c| c.patch = |d, _| d[512 + 40] ^= 1, |_| {}, |_| {}, "table"),
    ("GPT entry changed", |c| c.patch = |d, _| d[1024 + 32] ^= 1, |_| {}, |_| {}, "table"),
    ("GPT entries elsewhere than in sector 2", |c| c.patch = entries_in_sector_64, |_| {}, |_| {}, "boots2 complete=1"),
    ("GPT entries elsewhere, before 2024-10", |c| c.patch = entries_in_sector_64, |b| b.eeprom.build = 1_727_000_000, |_| {}, "table"),
    ("no bootable type at all", |c| for part in &mut c.parts { part.guid = LINUX; }, |_| {}, |_| {}, "table"),
    ("overlapping partitions are refused both", |c| { c.mbr = true; c.patch = |d, _| d[446 + 32 + 9] -= 8; }, |_| {}, |_| {}, "nothing-bootable"),
    ("a partition that starts beyond the disk is refused", |c| { c.mbr = true; c.patch = |d, _| d[446 + 16 + 11] = 9; }, |_| {}, |_| {}, "boots3"),
    ("a partition that ends beyond the disk is refused", |c| { c.mbr = true; c.patch = |d, _| d[446 + 32 + 15] = 9; },
        |_| {}, TRY, "boots2 outside"),
    ("an empty partition is refused", |c| { c.mbr = true; c.patch = |d, _| d[446 + 16 + 12..446 + 32].fill(0); }, |_| {}, |_| {}, "boots3"),
    ("FAT32 slots", |c| for part in &mut c.parts[1..3] { part.kib = 40 * 1024; part.fat = Some(FatType::Fat32); }, |_| {}, TRY, "boots3 complete=1"),
    ("FAT12 slots", |c| for part in &mut c.parts[1..3] { part.kib = 1024; part.fat = Some(FatType::Fat12); }, |_| {}, TRY, "boots3 complete=1"),
    ("a FAT32 header on a small volume is refused", |c| { c.parts[1].kib = 40 * 1024; c.parts[1].fat = Some(FatType::Fat32);
        c.patch = |d, s| d[s[1] + 32..s[1] + 36].copy_from_slice(&20_000_u32.to_le_bytes()); }, |_| {}, |_| {}, "boots3 another's"),
    ("a volume longer than its partition is refused", |c| { c.mbr = true; c.patch = |d, _| d[446 + 16 + 13] -= 1; }, |_| {}, |_| {}, "boots3 fit"),
    ("no boot sector", |c| c.patch = |d, s| d[s[1]..s[1] + 512].fill(0), |_| {}, |_| {}, "boots3"),
    ("config partition without file system: autoboot.txt cannot be read", |c| c.patch = |d, s| d[s[0]..s[0] + 512].fill(0), |_| {}, |_| {}, "boots2 complete=0"),
    ("a table of zeros breaks every file longer than a cluster", |c| c.patch = |d, s| d[s[1] + 512 + 64..s[1] + 512 * 24].fill(0), |_| {}, |_| {}, "file resets-to-0"),
];

/// Moves the array of GPT entries and mends the header.
fn entries_in_sector_64(disk: &mut [u8], _: &[usize]) {
    disk.copy_within(1024..1024 + 16_384, 64 * 512);
    disk[1024..1024 + 16_384].fill(0);
    disk[512 + 72] = 64;
    disk[512 + 16..512 + 20].fill(0);
    let sum = crc32fast::hash(&disk[512..512 + 92]);
    disk[512 + 16..512 + 20].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn the_right_partition_boots() {
    run(CHOICE);
}

#[test]
fn tables_and_file_systems() {
    run(TABLE);
}
