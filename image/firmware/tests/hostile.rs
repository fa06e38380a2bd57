//! Disks that nobody meant to be booted: random, flipped, cut, and cycles. Never a panic, never much work.

mod common;

use std::sync::LazyLock;

use common::{Card, Counted};
use proptest::prelude::*;
use tayberry_firmware::{Board, Config, MAX_BYTES, MAX_READS, ResetState, Stepping, boot};

static GPT: LazyLock<Vec<u8>> = LazyLock::new(|| Card::ours().build());
static MBR: LazyLock<Vec<u8>> = LazyLock::new(|| Card { mbr: true, ..Card::ours() }.build());

/// Where the bytes are that decide: tables, boot sectors, allocation tables, directories, small files.
fn place() -> impl Strategy<Value = u64> {
    let starts: Vec<u64> = Card::ours().starts().iter().map(|start| *start as u64).collect();
    let near = (0..3_usize, 0..40_960_u64).prop_map(move |(part, offset)| starts[part] + offset);
    prop_oneof![0..512_u64, 512..2048_u64, near.clone(), near, 0..(8_u64 << 20)]
}

/// Boots and checks the promise on work. The outcome may be anything.
fn survives(disk: &Counted<'_>, try_once: bool) {
    let board = Board { stepping: Stepping::D0, ..Board::default() };
    let result = boot(disk, &board, &ResetState { try_once, ..ResetState::default() });
    assert!(disk.reads.get() <= MAX_READS, "{} reads", disk.reads.get());
    assert!(disk.bytes.get() <= MAX_BYTES, "{} bytes", disk.bytes.get());
    if let Ok(found) = result {
        assert!(found.kernel.size > 0);
        let listed: u64 = found.kernel.extents.iter().map(|extent| extent.length).sum();
        assert_eq!(listed, found.kernel.size);
        assert!(found.slot().is_some(), "partition {}", found.partition);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..4096), sign in any::<bool>()) {
        let mut bytes = bytes;
        if sign && bytes.len() > 512 {
            bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
            bytes[450] = 0x0c;
        }
        survives(&Counted::new(&bytes), false);
    }

    #[test]
    fn changed_bytes(
        changes in prop::collection::vec((place(), any::<u8>()), 1..24),
        gpt in any::<bool>(),
        try_once in any::<bool>(),
    ) {
        let mut disk = Counted::new(if gpt { &GPT } else { &MBR });
        disk.changes = changes;
        survives(&disk, try_once);
    }

    #[test]
    fn cut_disks(size in 0..(9_u64 << 20), gpt in any::<bool>()) {
        let mut disk = Counted::new(if gpt { &GPT } else { &MBR });
        disk.size = size.min(disk.size);
        survives(&disk, false);
    }

    #[test]
    fn any_text_is_a_configuration(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (config, _) = Config::parse(&text, &Board::default(), &ResetState::default(), 2);
        prop_assert!(config.overlays.len() <= 64 && config.initramfs.len() <= 64);
    }

    #[test]
    fn lines_of_configuration(text in "(\\[?(all|pi5|gpio|0x|boot_count|initramfs|kernel)[=&<> ,0-9a-fx\\]]{0,12}\n){0,20}") {
        let (config, _) = Config::parse(text.as_bytes(), &Board::default(), &ResetState::default(), 2);
        prop_assert!(config.overlays.is_empty());
    }
}

/// Writes an entry of the first FAT16 table of slot A.
fn link(disk: &mut [u8], start: usize, cluster: usize, next: u16) {
    let reserved = usize::from(u16::from_le_bytes([disk[start + 14], disk[start + 15]]));
    let at = start + reserved * 512 + cluster * 2;
    disk[at..at + 2].copy_from_slice(&next.to_le_bytes());
}

/// First cluster of a file, from its extents.
fn first_cluster(disk: &[u8], start: usize, offset: u64) -> usize {
    let word = |at: usize| usize::from(u16::from_le_bytes([disk[start + at], disk[start + at + 1]]));
    let data = start + 512 * (word(14) + usize::from(disk[start + 16]) * word(22)) + word(17) * 32;
    (usize::try_from(offset).unwrap_or(0) - data) / 512 + 2
}

#[test]
fn a_cycle_in_a_file_is_damage() {
    let mut disk = GPT.clone();
    let start = Card::ours().starts()[1];
    let found = boot(&disk, &Board::default(), &ResetState::default()).unwrap();
    let first = first_cluster(&disk, start, found.kernel.extents[0].offset);
    link(&mut disk, start, first + 9, u16::try_from(first).unwrap());
    let counted = Counted::new(&disk);
    let error = boot(&counted, &Board::default(), &ResetState::default()).unwrap_err();
    assert!(error.to_string().contains("meets itself"), "{error}");
    survives(&counted, false);
}

#[test]
fn a_cycle_in_a_directory_is_damage() {
    let mut disk = GPT.clone();
    let start = Card::ours().starts()[1];
    let board = Board { stepping: Stepping::D0, ..Board::default() };
    let found = boot(&disk, &board, &ResetState::default()).unwrap();
    // The folder's cluster comes right before the first file made in it.
    let folder = first_cluster(&disk, start, found.overlays[0].file.extents[0].offset) - 1;
    link(&mut disk, start, folder, u16::try_from(folder).unwrap());
    let counted = Counted::new(&disk);
    let error = boot(&counted, &board, &ResetState::default()).unwrap_err();
    assert!(error.to_string().contains("meets itself"), "{error}");
    survives(&counted, false);
}

/// A long name that belongs to another entry names nothing; the entry has its short name then.
#[test]
fn a_stray_long_name_names_nothing() {
    let mut disk = GPT.clone();
    let start = Card::ours().starts()[1];
    let part = disk[start..].windows(10).position(|window| window == b"k\0e\0r\0n\0e\0").unwrap();
    let first = start + part - 1;
    for entry in [first - 32, first] {
        assert_eq!(disk[entry + 11], 0x0f);
        disk[entry + 13] ^= 1;
    }
    let error = boot(&disk, &Board::default(), &ResetState::default()).unwrap_err();
    assert!(error.to_string().contains("kernel_2712.img is missing"), "{error}");
}

/// A file whose clusters lie all over the table: the allowance ends, the answer is an error.
#[test]
fn a_shuffled_file_ends_the_allowance() {
    let mut card = Card::ours();
    card.parts[1].kib = 40 * 1024;
    card.parts[1].fat = Some(fatfs::FatType::Fat32);
    card.put(2, "kernel_2712.img", vec![1; 12_288 * 512]);
    let (mut disk, start) = (card.build(), card.starts()[1]);
    let found = boot(&disk, &Board::default(), &ResetState::default()).unwrap();
    let long = |at: usize| u32::from_le_bytes(disk[start + at..start + at + 4].try_into().unwrap()) as usize;
    let table = start + 512 * usize::from(u16::from_le_bytes([disk[start + 14], disk[start + 15]]));
    let data = table + 512 * usize::from(disk[start + 16]) * long(36);
    let first = (usize::try_from(found.kernel.extents[0].offset).unwrap() - data) / 512 + 2;
    // 2053 is prime to 12,288: each cluster once, each 8 KiB of table away from the last.
    let order: Vec<usize> = (0..12_288).map(|step| first + step * 2053 % 12_288).collect();
    for pair in order.windows(2) {
        let next = u32::try_from(pair[1]).unwrap().to_le_bytes();
        disk[table + pair[0] * 4..table + pair[0] * 4 + 4].copy_from_slice(&next);
    }
    let counted = Counted::new(&disk);
    let error = boot(&counted, &Board::default(), &ResetState::default()).unwrap_err();
    assert!(error.to_string().contains("gave up"), "{error}");
    survives(&Counted::new(&disk), false);
}

/// A configuration that asks for as much as it can, on a slot whose root directory is full.
#[test]
fn a_greedy_configuration_is_bounded() {
    let mut card = Card::ours();
    let lines: String = (0..2000).map(|number| format!("dtoverlay=none{number}\n")).collect();
    card.config(&lines);
    for number in 0..60 {
        card.put(2, &format!("a file with a long name to fill the root directory {number}"), "");
    }
    let disk = card.build();
    let counted = Counted::new(&disk);
    let found = boot(&counted, &Board::default(), &ResetState::default()).unwrap();
    assert_eq!(found.missing.len(), 64);
    survives(&Counted::new(&disk), false);
}
