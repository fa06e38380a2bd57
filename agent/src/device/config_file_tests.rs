//! Tests of [`super`], and of whatever works with it, on a disk of ours.

use std::io::{Cursor, Seek, SeekFrom, Write};

use tayberry_core::replace;
use tayberry_format::{config_partition, fat, table};
use tempfile::NamedTempFile;

use super::*;

/// A disk with a config partition that holds these files.
pub(crate) fn disk(files: &[(&str, &[u8])]) -> NamedTempFile {
    let mut disk = NamedTempFile::new().unwrap();
    disk.as_file().set_len(layout::IMAGE_BYTES).unwrap();
    table::write_image(disk.as_file_mut(), &[7; 32]).unwrap();
    let files: Vec<fat::File<'_>> =
        files.iter().map(|(path, data)| fat::File { path: (*path).to_owned(), data }).collect();
    disk.as_file_mut().seek(SeekFrom::Start(layout::CONFIG.start)).unwrap();
    fat::write(disk.as_file_mut(), config_partition::SHAPE, &files).unwrap();
    disk
}

/// What a person with a card reader does: `edit` gets the mounted config partition.
pub(crate) fn with_card_reader(
    disk: &NamedTempFile,
    edit: impl FnOnce(&fatfs::FileSystem<&mut Cursor<Vec<u8>>>),
) {
    let bytes = usize::try_from(layout::CONFIG.bytes).unwrap();
    let mut partition = Cursor::new(vec![0; bytes]);
    disk.as_file().read_exact_at(partition.get_mut(), layout::CONFIG.start).unwrap();
    let volume = fatfs::FileSystem::new(&mut partition, fatfs::FsOptions::new()).unwrap();
    edit(&volume);
    volume.unmount().unwrap();
    disk.as_file().write_all_at(partition.get_ref(), layout::CONFIG.start).unwrap();
}

pub(crate) fn name(disk: &NamedTempFile) -> &str {
    disk.path().to_str().unwrap()
}

#[test]
fn a_file_in_pieces_is_replaced_as_a_whole() {
    let disk = disk(&[("tayberry.toml", &[b'\n'; 4096]), ("CLAIM.txt", b"1234")]);
    let old: Vec<u8> = (0..1300).map(|index| b'a' + u8::try_from(index % 26).unwrap()).collect();
    with_card_reader(&disk, |volume| {
        let root = volume.root_dir();
        root.remove("tayberry.toml").unwrap();
        // Written in turns with another file: each cluster is a piece.
        let mut ours = root.create_file("tayberry.toml").unwrap();
        let mut other = root.create_file("notes.txt").unwrap();
        for piece in old.chunks(512) {
            ours.write_all(piece).unwrap();
            other.write_all(&[b'!'; 512]).unwrap();
        }
    });
    let pieces = place(disk.as_file(), "tayberry.toml").unwrap().extents.len();
    assert!(pieces > 1, "{pieces}");
    assert_eq!(read(name(&disk), "tayberry.toml", 4096).unwrap(), old);
    let new = vec![b'#'; old.len()];
    super::replace(name(&disk), "tayberry.toml", old.len(), &replace::steps(&new)).unwrap();
    assert_eq!(read(name(&disk), "tayberry.toml", 4096).unwrap(), new);
    // Nothing else was touched.
    assert_eq!(read(name(&disk), "CLAIM.txt", 4096).unwrap(), b"1234");
    assert_eq!(read(name(&disk), "notes.txt", 4096).unwrap(), vec![b'!'; 3 * 512]);
    super::replace(name(&disk), "tayberry.toml", 4096, &replace::steps(&new)).unwrap_err();
    super::replace(name(&disk), "missing", 1, &[]).unwrap_err();
    let beyond = Step { at: 1200, bytes: vec![0; 101] };
    super::replace(name(&disk), "tayberry.toml", old.len(), &[beyond]).unwrap_err();
}
