//! Finding one file of a partition.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

mod common;

use common::{AUTOBOOT, Card};
use tayberry_firmware::{LocateError, list, locate, read};

#[test]
fn a_file_is_found_where_its_bytes_are() {
    let disk = Card::ours().build();
    let file = locate(&disk, 1, "AUTOBOOT.TXT").unwrap();
    let at = usize::try_from(file.extents[0].offset).unwrap();
    assert_eq!(file.size, AUTOBOOT.len() as u64);
    assert_eq!(&disk[at..at + AUTOBOOT.len()], AUTOBOOT.as_bytes());
    assert_eq!(locate(&disk, 2, "overlays/fan.dtbo").unwrap().path, "overlays/fan.dtbo");
}

#[test]
fn what_is_not_there_is_said() {
    let disk = Card::ours().build();
    assert!(matches!(locate(&disk, 1, "x"), Err(LocateError::Missing { partition: 1, .. })));
    for number in [4, 9] {
        assert!(matches!(locate(&disk, number, "x"), Err(LocateError::Partition { .. })), "{number}");
    }
    assert!(matches!(locate(&vec![0; 1 << 16], 1, "x"), Err(LocateError::Partition { .. })));
    let torn = Card { patch: |disk, starts| disk[starts[0] + 510] = 0, ..Card::ours() };
    assert!(matches!(locate(&torn.build(), 1, "x"), Err(LocateError::Volume { .. })));
}

#[test]
fn every_file_is_listed_with_its_size() {
    let disk = Card::ours().build();
    let files = list(&disk, 2).unwrap();
    assert!(files.len() > 5 && files.iter().any(|(path, _)| path == "overlays/fan.dtbo"), "{files:?}");
    for (path, bytes) in &files {
        assert_eq!(locate(&disk, 2, path).unwrap().size, *bytes, "{path}");
    }
    let text = read(&disk, 1, "autoboot.txt", 512).unwrap();
    assert_eq!(text, AUTOBOOT.as_bytes());
    let error = read(&disk, 1, "autoboot.txt", text.len() as u64 - 1).unwrap_err();
    assert!(matches!(&error, LocateError::Volume { reason, .. } if reason.contains("more than")), "{error}");
}

/// A folder that is its own subfolder, as a damaged or hostile disk may have it.
#[test]
fn a_folder_in_itself_ends() {
    let whole = Card::ours().build();
    let at = whole.windows(12).position(|window| window == b"OVERLAYS   \x10").unwrap();
    let mut disk = whole.clone();
    // `..` of the folder becomes an entry `LOOP` that leads to the folder itself.
    let dots = whole.windows(12).position(|window| window == *b"..         \x10").unwrap();
    let itself = [whole[at + 20], whole[at + 21], whole[at + 26], whole[at + 27]];
    disk[dots..dots + 11].copy_from_slice(b"LOOP       ");
    disk[dots + 20..dots + 22].copy_from_slice(&itself[..2]);
    disk[dots + 26..dots + 28].copy_from_slice(&itself[2..]);
    let files = list(&disk, 2).unwrap();
    let deepest = files.iter().map(|(path, _)| path.matches("LOOP/").count()).max().unwrap();
    assert!((1..16).contains(&deepest), "{deepest}");
}
