//! Disks to boot from, built by libraries other than the one under test; and a disk that counts its reads.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use tayberry_firmware::{Board, Boot, BootError, Disk, DiskError, Failure, ResetState, boot};

pub(crate) const BASIC_DATA: [u8; 16] = *b"\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7";
pub(crate) const EFI_SYSTEM: [u8; 16] = *b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b";
pub(crate) const LINUX: [u8; 16] = *b"\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";

pub(crate) const AUTOBOOT: &str = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n";
pub(crate) const CONFIG: &str =
    "arm_64bit=1\nkernel=kernel_2712.img\ninitramfs initramfs_2712 followkernel\n";
pub(crate) const TREE: &str = "bcm2712-rpi-5-b.dtb";

/// One partition. Its files are rendered by `Card::build`.
pub(crate) struct Part {
    pub(crate) guid: [u8; 16],
    pub(crate) mbr_type: u8,
    pub(crate) kib: u64,
    pub(crate) fat: Option<FatType>,
    pub(crate) cluster: u32,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// A disk to be.
pub(crate) struct Card {
    pub(crate) parts: Vec<Part>,
    pub(crate) mbr: bool,
    /// Changes to the finished bytes; the second argument is each partition's first byte.
    pub(crate) patch: fn(&mut [u8], &[usize]),
}

impl Card {
    /// Our layout, small: config (FAT12), boot-a and boot-b (FAT16), two system partitions.
    pub(crate) fn ours() -> Self {
        let part = |guid, mbr_type, kib, fat| Part {
            guid,
            mbr_type,
            kib,
            fat,
            cluster: 512,
            files: BTreeMap::new(),
        };
        let mut parts = vec![
            part(BASIC_DATA, 0x0c, 256, Some(FatType::Fat12)),
            part(BASIC_DATA, 0x0c, 3072, Some(FatType::Fat16)),
            part(BASIC_DATA, 0x0c, 3072, Some(FatType::Fat16)),
            part(LINUX, 0x83, 64, None),
            part(LINUX, 0x83, 64, None),
        ];
        parts[0].files.insert("autoboot.txt".into(), AUTOBOOT.into());
        for (at, slot) in [(1, "a"), (2, "b")] {
            let files = &mut parts[at].files;
            files.insert("config.txt".into(), CONFIG.into());
            files.insert("cmdline.txt".into(), format!("root={slot}\n").into());
            files.insert("kernel_2712.img".into(), [slot.as_bytes(), &[0x1f; 40_000]].concat());
            files.insert("initramfs_2712".into(), [slot.as_bytes(), &[7; 3000]].concat());
            files.insert(TREE.into(), tree(&["raspberrypi,5-model-b", "brcm,bcm2712"]));
            files.insert("overlays/bcm2712d0.dtbo".into(), tree(&["brcm,bcm2712"]));
            files.insert("overlays/fan.dtbo".into(), tree(&["brcm,bcm2712"]));
        }
        Self { parts, mbr: false, patch: |_, _| {} }
    }

    /// Puts a file into partition `number`.
    pub(crate) fn put(&mut self, number: usize, path: &str, bytes: impl Into<Vec<u8>>) {
        self.parts[number - 1].files.insert(path.to_owned(), bytes.into());
    }

    /// Adds lines to the config.txt of both slots.
    pub(crate) fn config(&mut self, lines: &str) {
        for number in [2, 3] {
            self.put(number, "config.txt", format!("{CONFIG}{lines}\n"));
        }
    }

    pub(crate) fn remove(&mut self, number: usize, path: &str) {
        assert!(self.parts[number - 1].files.remove(path).is_some(), "{path} was not there");
    }

    /// First byte of each partition.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let mut at = 1 << 20;
        let next = self.parts.iter().map(|part| {
            let start = at;
            at += usize::try_from(part.kib).unwrap() * 1024;
            start
        });
        next.collect()
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let starts = self.starts();
        let total: u64 = self.parts.iter().map(|part| part.kib * 1024).sum();
        let mut disk = vec![0; usize::try_from(total).unwrap() + (2 << 20)];
        for (part, start) in self.parts.iter().zip(&starts) {
            if let Some(fat) = part.fat {
                let volume = volume(part, fat);
                disk[*start..*start + volume.len()].copy_from_slice(&volume);
            }
        }
        if self.mbr {
            self.write_mbr(&mut disk, &starts);
        } else {
            self.write_gpt(&mut disk, &starts);
        }
        (self.patch)(&mut disk, &starts);
        disk
    }

    fn write_gpt(&self, disk: &mut [u8], starts: &[usize]) {
        let mut cursor = Cursor::new(disk);
        let mut gpt = gptman::GPT::new_from(&mut cursor, 512, [0x11; 16]).unwrap();
        for (number, (part, start)) in (1..).zip(self.parts.iter().zip(starts)) {
            let first = *start as u64 / 512;
            gpt[number] = gptman::GPTPartitionEntry {
                partition_type_guid: part.guid,
                unique_partition_guid: [u8::try_from(number).unwrap(); 16],
                starting_lba: first,
                ending_lba: first + part.kib * 2 - 1,
                attribute_bits: 0,
                partition_name: "p".into(),
            };
        }
        gpt.write_into(&mut cursor).unwrap();
        gptman::GPT::write_protective_mbr_into(&mut cursor, 512).unwrap();
    }

    fn write_mbr(&self, disk: &mut [u8], starts: &[usize]) {
        for (index, (part, start)) in self.parts.iter().zip(starts).take(4).enumerate() {
            let at = 446 + 16 * index;
            disk[at + 4] = part.mbr_type;
            let first = u32::try_from(start / 512).unwrap();
            disk[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
            let count = u32::try_from(part.kib * 2).unwrap();
            disk[at + 12..at + 16].copy_from_slice(&count.to_le_bytes());
        }
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    }
}

fn volume(part: &Part, fat: FatType) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(part.kib * 1024).unwrap()];
    let options = FormatVolumeOptions::new().fat_type(fat).bytes_per_cluster(part.cluster);
    fatfs::format_volume(Cursor::new(&mut bytes), options).unwrap();
    let system = FileSystem::new(Cursor::new(&mut bytes), FsOptions::new()).unwrap();
    for (path, contents) in &part.files {
        if let Some((folder, _)) = path.rsplit_once('/') {
            system.root_dir().create_dir(folder).unwrap();
        }
        system.root_dir().create_file(path).unwrap().write_all(contents).unwrap();
    }
    system.unmount().unwrap();
    bytes
}

/// A device tree whose root has a model and these compatible strings.
pub(crate) fn tree(compatible: &[&str]) -> Vec<u8> {
    let mut structure = Vec::new();
    let mut word = |value: u32| structure.extend(value.to_be_bytes());
    word(1);
    word(0);
    let value: Vec<u8> = compatible.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect();
    for (name_at, value) in [(0, b"Test\0".to_vec()), (6, value)] {
        for number in [3, u32::try_from(value.len()).unwrap(), name_at] {
            structure.extend(number.to_be_bytes());
        }
        structure.extend(&value);
        structure.resize(structure.len().next_multiple_of(4), 0);
    }
    for number in [2_u32, 9] {
        structure.extend(number.to_be_bytes());
    }
    let strings = b"model\0compatible\0";
    let (at, total) = (56 + structure.len(), 56 + structure.len() + strings.len());
    let header = [0xd00d_feed, total, 56, at, 40, 17, 16, 0, strings.len(), structure.len()];
    let mut bytes: Vec<u8> =
        header.iter().flat_map(|value| u32::try_from(*value).unwrap().to_be_bytes()).collect();
    bytes.extend([0; 16]);
    bytes.extend(structure);
    bytes.extend(strings);
    bytes
}

/// The outcome in words that a table row can ask for.
pub(crate) fn words(result: &Result<Boot, BootError>) -> Vec<String> {
    match result {
        Ok(boot) => {
            let mut words = vec![format!("boots{}", boot.partition), boot.config.clone()];
            words.push(format!("reported={}", boot.reported_partition));
            words.push(format!("try={}", u8::from(boot.try_once)));
            words.push(format!("kernel={}", boot.kernel.path));
            words.push(format!("tree={}", boot.device_tree.path));
            words.push(format!("prefix={}", boot.os_prefix));
            words.push(format!("complete={}", u8::from(boot.is_complete())));
            words.push(format!("watchdog={}", boot.kernel_watchdog_timeout.unwrap_or(0)));
            let names: Vec<_> = boot.initramfs.iter().map(|file| file.path.as_str()).collect();
            words.push(format!("initramfs={}", names.join(",")));
            let names: Vec<_> = boot.overlays.iter().map(|overlay| overlay.file.path.as_str()).collect();
            words.push(format!("overlays={}", names.join(",")));
            words.push(format!("missing={}", boot.missing.join(",")));
            words.push(format!("cmdline={}", boot.cmdline.replace(' ', "_")));
            // So that a row can ask for a word of a reason.
            words.extend(boot.log.iter().flat_map(|line| line.text.split(' ').map(str::to_owned)));
            words
        }
        Err(error) => {
            let kind = match &*error.failure {
                Failure::Table { .. } => "table",
                Failure::NothingBootable { .. } => "nothing-bootable",
                Failure::File { .. } => "file",
                Failure::NotModelled { .. } => "not-modelled",
                Failure::StepD0 { .. } => "d0",
            };
            let after = error
                .reset_after
                .map_or("stuck".to_owned(), |after| format!("resets-to-{}", after.partition));
            vec![kind.to_owned(), after, error.to_string()]
        }
    }
}

/// Name, changes to our disk, board and registers, and words that the outcome must have.
pub(crate) type Row = (&'static str, fn(&mut Card), fn(&mut Board), fn(&mut ResetState), &'static str);

/// Boots each row's disk; names every row that turns out differently.
pub(crate) fn run(rows: &[Row]) {
    let mut failed = Vec::new();
    for (name, card, board, reset, expected) in rows {
        let (mut disk, mut on, mut state) = (Card::ours(), Board::default(), ResetState::default());
        card(&mut disk);
        board(&mut on);
        reset(&mut state);
        let found = words(&boot(&disk.build(), &on, &state));
        if let Some(word) = expected.split(' ').find(|word| !found.iter().any(|have| have == word)) {
            failed.push(format!("{name}: no {word} in {found:?}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A disk that counts what is asked of it and may have bytes changed or its end cut off.
pub(crate) struct Counted<'d> {
    pub(crate) disk: &'d [u8],
    pub(crate) changes: Vec<(u64, u8)>,
    pub(crate) size: u64,
    pub(crate) reads: Cell<u32>,
    pub(crate) bytes: Cell<u64>,
}

impl<'d> Counted<'d> {
    pub(crate) fn new(disk: &'d [u8]) -> Self {
        Self { disk, changes: vec![], size: disk.size(), reads: Cell::new(0), bytes: Cell::new(0) }
    }
}

impl Disk for Counted<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + buffer.len() as u64);
        assert!(buffer.len() <= 128 << 10, "one read is at most 128 KiB");
        self.disk.read_at(offset, buffer)?;
        for (at, value) in &self.changes {
            if let Some(index) = at.checked_sub(offset)
                && let Some(byte) = usize::try_from(index).ok().and_then(|index| buffer.get_mut(index))
            {
                *byte = *value;
            }
        }
        Ok(())
    }
}
