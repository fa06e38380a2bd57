//! What a boot hands back: slots, registers, contents, log, and how little it reads for that.

mod common;

use std::fs::File;
use std::io::Write;

use common::{Card, Counted, tree};
use tayberry_firmware::{Autoboot, Board, Config, Disk, ReadError, ResetState, boot};
use tayberry_format::slot::Slot;

fn state(try_once: bool) -> ResetState {
    ResetState { try_once, ..ResetState::default() }
}

#[test]
fn the_flag_is_good_for_one_boot() {
    let disk = Card::ours().build();
    let before = ResetState { try_once: true, partition: 0, boot_count: 255, boot_arg1: 7 };
    let trial = boot(&disk, &Board::default(), &before).unwrap();
    assert_eq!(trial.slot(), Some(Slot::B));
    assert_eq!(trial.reset_after, ResetState { try_once: false, partition: 0, boot_count: 0, boot_arg1: 7 });
    let back = boot(&disk, &Board::default(), &trial.reset_after).unwrap();
    assert_eq!((back.slot(), back.try_once), (Some(Slot::A), false));
}

#[test]
fn a_fatal_trial_comes_back_to_the_default_slot() {
    let mut card = Card::ours();
    card.remove(3, "kernel_2712.img");
    let disk = card.build();
    let error = boot(&disk, &Board::default(), &state(true)).unwrap_err();
    let after = error.reset_after.unwrap();
    assert_eq!(boot(&disk, &Board::default(), &after).unwrap().slot(), Some(Slot::A));
}

#[test]
fn contents_are_those_written() {
    let disk = Card::ours().build();
    let found = boot(&disk, &Board::default(), &state(true)).unwrap();
    let kernel = found.read(&disk, &found.kernel, 1 << 20).unwrap();
    assert_eq!(kernel, [&b"b"[..], &[0x1f; 40_000]].concat());
    assert_eq!(found.read(&disk, &found.initramfs[0], 3001).unwrap().len(), 3001);
    let error = found.read(&disk, &found.kernel, 40_000).unwrap_err();
    assert!(matches!(error, ReadError::TooLarge { size: 40_001, limit: 40_000, .. }), "{error}");
}

/// A file in pieces: clusters of 512 bytes around holes left by deleted files.
#[test]
fn fragments_are_followed() {
    let mut card = Card::ours();
    let bytes: Vec<u8> = (0..40_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    card.put(2, "kernel_2712.img", bytes.clone());
    let mut disk = card.build();
    let start = card.starts()[1];
    {
        let volume = std::io::Cursor::new(&mut disk[start..start + 3072 * 1024]);
        let system = fatfs::FileSystem::new(volume, fatfs::FsOptions::new()).unwrap();
        let root = system.root_dir();
        root.remove("kernel_2712.img").unwrap();
        root.remove("cmdline.txt").unwrap();
        root.create_file("filler").unwrap().write_all(&[1; 700]).unwrap();
        root.remove("config.txt").unwrap();
        root.create_file("kernel_2712.img").unwrap().write_all(&bytes).unwrap();
        root.create_file("config.txt").unwrap();
    }
    let found = boot(&disk, &Board::default(), &state(false)).unwrap();
    assert!(found.kernel.extents.len() > 1, "{:?}", found.kernel.extents);
    assert_eq!(found.read(&disk, &found.kernel, 1 << 20).unwrap(), bytes);
}

#[test]
fn a_file_answers_like_memory() {
    let disk = Card::ours().build();
    let path = std::env::temp_dir().join(format!("firmware-model-{}.img", std::process::id()));
    std::fs::write(&path, &disk).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(file.size(), disk.size());
    let (one, other) = (
        boot(&file, &Board::default(), &state(true)),
        boot(disk.as_slice(), &Board::default(), &state(true)),
    );
    assert_eq!(one.unwrap(), other.unwrap());
}

#[test]
fn each_decision_is_told() {
    let mut card = Card::ours();
    card.remove(3, "config.txt");
    let found = boot(&card.build(), &Board::default(), &state(true)).unwrap();
    let told: Vec<_> = found.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "GPT with 3 partition(s) of a bootable type.",
            "Partition 3: autoboot.txt names it.",
            "The try-once flag is set, tryboot_a_b=1: config.txt.",
            "Partition 3 is not bootable: no config.txt.",
            "Partition 0 is not bootable: no config.txt.",
            "Partition 1 is not bootable: no config.txt.",
            "Partition 2 boots with config.txt.",
            "kernel_2712.img is started with bcm2712-rpi-5-b.dtb.",
        ]
    );
}

/// The cheap entry point for crash tests: a kernel of 40 KB is not read, nor is anything else of its size.
#[test]
fn a_boot_reads_little() {
    let mut card = Card::ours();
    card.put(2, "kernel_2712.img", vec![1; 2 << 20]);
    let disk = card.build();
    let counted = Counted::new(&disk);
    assert!(boot(&counted, &Board::default(), &state(false)).unwrap().is_complete());
    assert!(counted.reads.get() < 60, "{} reads", counted.reads.get());
    assert!(counted.bytes.get() < 160 << 10, "{} bytes", counted.bytes.get());
}

#[test]
fn the_parsers_answer_alone() {
    let text = b"[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\ntryboot_a_b=1\n";
    assert_eq!(Autoboot::parse(text, false), Autoboot { boot_partition: Some(2), tryboot_a_b: false });
    let long = [&text[..], &[b'#'; 513]].concat();
    assert_eq!(Autoboot::parse(&long, true), Autoboot::default());
    assert_eq!(Autoboot::parse(text, true), Autoboot { boot_partition: Some(3), tryboot_a_b: true });
    let (config, log) =
        Config::parse(b"[boot_partition=3]\ncmdline=b.txt\n[x]\n", &Board::default(), &state(false), 3);
    assert_eq!((config.cmdline.as_str(), log.len()), ("b.txt", 1));
}

#[test]
fn a_device_tree_needs_a_whole_root() {
    let mut card = Card::ours();
    let mut bytes = tree(&["brcm,bcm2712"]);
    // The length of the first property of the root.
    bytes[56 + 12..56 + 16].fill(0xff);
    card.put(2, common::TREE, bytes);
    assert_eq!(boot(&card.build(), &Board::default(), &state(false)).unwrap().slot(), Some(Slot::B));
}
