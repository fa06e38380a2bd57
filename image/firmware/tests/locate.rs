//! Finding one file of a partition.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

mod common;

use common::{AUTOBOOT, Card};
use tayberry_firmware::{LocateError, locate};

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
