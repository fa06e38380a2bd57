//! The FAT writer against an independent reader, the `fatfs` crate.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::io::{Cursor, Read, Seek, SeekFrom};

use proptest::prelude::*;
use tayberry_format::fat::{self, FatError, File, Shape};
use tayberry_format::layout;

fn shape(sectors_per_cluster: u8, bytes: u64) -> Shape {
    Shape { bytes, start: 4 << 20, sectors_per_cluster, label: *b"TAYBERRY   ", serial: 0x1234_5678 }
}

fn written(shape: Shape, files: &[File<'_>]) -> (Vec<u8>, Vec<fat::Placed>) {
    let mut disk = Cursor::new(vec![0; usize::try_from(shape.bytes).unwrap()]);
    let placed = fat::write(&mut disk, shape, files).unwrap();
    (disk.into_inner(), placed)
}

#[test]
fn another_reader_finds_every_file_and_folder() {
    let kernel = vec![0x5a; 3 << 20];
    let files = [
        File { path: "autoboot.txt".into(), data: b"[all]\n" },
        File { path: "KERNEL.IMG".into(), data: &kernel },
        File { path: "overlays/README".into(), data: b"" },
        File { path: "overlays/bcm2712d0.dtbo".into(), data: b"dtbo" },
        File { path: "bcm2712-rpi-5-b.dtb".into(), data: b"dtb" },
        File { path: "rescue/deep/bcm2712-other-name.dtb".into(), data: b"deep" },
    ];
    for shape in [shape(1, 64 * layout::MIB), shape(4, 256 * layout::MIB)] {
        let (disk, placed) = written(shape, &files);
        let read = fatfs::FileSystem::new(Cursor::new(disk.clone()), fatfs::FsOptions::new()).unwrap();
        assert_eq!(read.fat_type(), fatfs::FatType::Fat32);
        for (file, place) in files.iter().zip(&placed) {
            let mut contents = Vec::new();
            read.root_dir().open_file(&file.path).unwrap().read_to_end(&mut contents).unwrap();
            assert_eq!(contents, file.data, "{}", file.path);
            assert_eq!(place.offset % 4096, 0, "{} has blocks of its own", file.path);
            let mut raw = vec![0; file.data.len()];
            let mut cursor = Cursor::new(&disk);
            cursor.seek(SeekFrom::Start(place.offset)).unwrap();
            cursor.read_exact(&mut raw).unwrap();
            assert_eq!(raw, file.data, "{} is contiguous", file.path);
        }
        let names: Vec<String> = read.root_dir().iter().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["autoboot.txt", "KERNEL.IMG", "overlays", "bcm2712-rpi-5-b.dtb", "rescue"]);
    }
}

#[test]
fn what_is_used_ends_with_the_last_file_even_if_that_is_zeros() {
    let zeros = vec![0; 300_000];
    let files = [File { path: "a".into(), data: b"a" }, File { path: "z".into(), data: &zeros }];
    for shape in [shape(1, 64 * layout::MIB), shape(4, 256 * layout::MIB)] {
        let (disk, placed) = written(shape, &files);
        let used = fat::used(&mut Cursor::new(&disk)).unwrap();
        assert_eq!(used, placed[1].offset + placed[1].bytes.next_multiple_of(4096));
        assert_eq!(used % 4096, 0);
    }
    let (mut disk, _) = written(shape(4, 256 * layout::MIB), &[]);
    disk[3] = b'M';
    assert!(fat::used(&mut Cursor::new(&disk)).is_err());
    assert!(fat::used(&mut Cursor::new(&disk[..100])).is_err());
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let big = vec![0; 65 << 20];
    let refused = |path: &str, data| {
        let mut disk = Cursor::new(Vec::new());
        fat::write(&mut disk, shape(1, 64 * layout::MIB), &[File { path: path.into(), data }]).unwrap_err()
    };
    assert!(matches!(refused("a", &big), FatError::Full { .. }));
    for name in ["", "ü", "a/..", "a//b", "a?b"] {
        assert!(matches!(refused(name, b""), FatError::Name(_)), "{name}");
    }
    let mut disk = Cursor::new(Vec::new());
    assert!(matches!(fat::write(&mut disk, shape(1, 1 << 20), &[]), Err(FatError::Size(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn any_set_of_names_is_read_back(
        names in prop::collection::btree_set("[a-z][a-zA-Z0-9_-]{0,30}(\\.[a-z0-9]{1,5})?", 1..40),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        let files: Vec<File<'_>> = names.iter().filter(|name| seen.insert(name.to_lowercase()))
            .map(|name| File { path: name.clone(), data: name.as_bytes() }).collect();
        let (disk, _) = written(shape(1, 64 * layout::MIB), &files);
        let read = fatfs::FileSystem::new(Cursor::new(disk), fatfs::FsOptions::new()).unwrap();
        for file in &files {
            let mut contents = Vec::new();
            read.root_dir().open_file(&file.path).unwrap().read_to_end(&mut contents).unwrap();
            prop_assert_eq!(&contents, file.data);
        }
    }
}
