//! The config partition: its files and its file system. `tayberry build` makes it, and the device makes it anew when it is
//! damaged. Nothing mounts it on the device: each file is overwritten where it lies.

use std::io::Cursor;

use crate::autoboot;
use crate::claim;
use crate::fat::{self, FatError, File, Shape};
use crate::layout;
use crate::preseed;
use crate::slot::Slot;

/// Name of the file that holds the boot counter.
pub const STATE: &str = "STATE.BIN";
/// Sectors of a cluster: 1, which makes 64 MiB a FAT32.
const CLUSTER: u8 = 1;
const EMPTY: [u8; 4096] = [b'\n'; 4096];
const ZERO: [u8; 4096] = [0; 4096];

/// Its file system.
pub const SHAPE: Shape = Shape {
    bytes: layout::CONFIG.bytes,
    start: layout::CONFIG.start,
    sectors_per_cluster: CLUSTER,
    label: *b"CONFIG     ",
    serial: 1,
};

/// Its files as they are in an image, each pre-allocated in blocks of its own.
#[must_use]
pub fn files(autoboot: &[u8; autoboot::BYTES]) -> Vec<File<'_>> {
    let file = |path: &str, data| File { path: path.to_owned(), data };
    vec![
        file(autoboot::FILE, autoboot),
        file(preseed::FILE, &EMPTY),
        file(claim::FILE, &EMPTY),
        file(STATE, &ZERO),
    ]
}

/// Where a file of [`files`] lies on the disk, in bytes, as long as nobody has moved it: whoever writes there looks first
/// whether it holds what it should.
#[must_use]
pub fn place(name: &str) -> Option<u64> {
    let placed = fat::write(&mut Cursor::new(Vec::new()), SHAPE, &files(&autoboot::sector(Slot::A))).ok()?;
    placed.into_iter().find(|placed| placed.path == name).map(|placed| layout::CONFIG.start + placed.offset)
}

/// The bytes of a whole file system, up to the last that is used: what lies behind them does not matter. Of `kept`, paths and
/// contents that were read from a damaged one, everything is carried over but `autoboot.txt`.
///
/// # Errors
/// When `kept` has a name that cannot be stored, or more than fits.
pub fn render(autoboot: &[u8; autoboot::BYTES], kept: &[(String, Vec<u8>)]) -> Result<Vec<u8>, FatError> {
    let is = |path: &str, other: &str| path.eq_ignore_ascii_case(other);
    let mut all = files(autoboot);
    for (path, data) in kept.iter().filter(|(path, _)| !is(path, autoboot::FILE)) {
        match all.iter_mut().find(|file| is(&file.path, path)) {
            Some(file) => file.data = data,
            None => all.push(File { path: path.clone(), data }),
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    fat::write(&mut bytes, SHAPE, &all)?;
    let mut bytes = bytes.into_inner();
    // Clusters end with zeros that nobody has written.
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_readable_is_carried_over() {
        let kept = [
            ("AUTOBOOT.TXT".to_owned(), b"damaged".to_vec()),
            ("Tayberry.toml".to_owned(), b"hostname = \"attic\"\n".to_vec()),
            ("notes/mine.txt".to_owned(), vec![7; 10_000]),
        ];
        let bytes = render(&autoboot::sector(Slot::B), &kept).unwrap();
        assert_eq!(bytes.len() as u64, fat::used(&mut Cursor::new(&bytes)).unwrap().next_multiple_of(4096));
        let at = usize::try_from(place(autoboot::FILE).unwrap() - layout::CONFIG.start).unwrap();
        assert_eq!(bytes[at..at + autoboot::BYTES], autoboot::sector(Slot::B));
        let mut whole = Cursor::new(bytes);
        whole.get_mut().resize(usize::try_from(layout::CONFIG.bytes).unwrap(), 0);
        let volume = fatfs::FileSystem::new(&mut whole, fatfs::FsOptions::new()).unwrap();
        let read = |path: &str| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut volume.root_dir().open_file(path).unwrap(), &mut bytes).unwrap();
            bytes
        };
        assert_eq!(read("autoboot.txt"), autoboot::sector(Slot::B));
        assert_eq!(read("tayberry.toml"), b"hostname = \"attic\"\n");
        assert_eq!(read("notes/mine.txt"), vec![7; 10_000]);
        assert_eq!(read("STATE.BIN"), ZERO);
        assert!(render(&autoboot::sector(Slot::A), &[("a\u{1}b".into(), Vec::new())]).is_err());
    }
}
