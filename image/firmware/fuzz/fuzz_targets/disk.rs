//! Changes to a disk that boots, and any bytes as a disk. Never a panic, never much work, and the runs of a
//! file sum up to its size.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tayberry_firmware::{Board, MAX_BYTES, MAX_READS, ResetState, Stepping, boot};

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{Card, Counted};

/// MBR, because a GPT answers any change of its table with a wrong checksum; and FAT12, FAT16 slots.
static DISK: LazyLock<(Vec<u8>, Vec<u64>)> = LazyLock::new(|| {
    let mut card = Card { mbr: true, ..Card::ours() };
    card.config("os_prefix=n-\ndtoverlay=fan\n[boot_partition=2]\nkernel=kernel_2712.img");
    (card.build(), card.starts().iter().map(|start| *start as u64).collect())
});

fn ask(disk: &Counted<'_>, try_once: bool) {
    let board = Board { stepping: Stepping::D0, ..Board::default() };
    let result = boot(disk, &board, &ResetState { try_once, ..ResetState::default() });
    assert!(disk.reads.get() <= MAX_READS && disk.bytes.get() <= MAX_BYTES);
    if let Ok(found) = result {
        let files = found.initramfs.iter().chain([&found.kernel, &found.device_tree]);
        for file in files {
            let listed: u64 = file.extents.iter().map(|extent| extent.length).sum();
            assert_eq!(listed, file.size);
        }
    }
}

/// Each 5 bytes of the input change 1: place (0: first sector, 1..=3: partition), offset, value.
fn changes(bytes: &[u8], starts: &[u64]) -> Vec<(u64, u8)> {
    let change = |chunk: &[u8; 5]| {
        let [place, high, middle, low, value] = *chunk;
        let offset = u64::from(u32::from_be_bytes([0, high & 0x01, middle, low]));
        match place % 4 {
            0 => (offset % 512, value),
            part => (starts[usize::from(part - 1)] + offset, value),
        }
    };
    bytes.as_chunks::<5>().0.iter().map(change).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((flags, bytes)) = bytes.split_first() else { return };
    if flags & 1 == 0 {
        let mut disk = Counted::new(&DISK.0);
        disk.changes = changes(bytes, &DISK.1);
        return ask(&disk, flags & 2 != 0);
    }
    let mut disk = bytes.to_vec();
    if disk.len() >= 512 {
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    }
    ask(&Counted::new(&disk), flags & 2 != 0);
});
