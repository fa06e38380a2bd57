//! Reads and writes `autoboot.txt`, and keeps a copy of what it says on the data partition. What is to be written is decided in
//! `tayberry_core::update`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tayberry_core::update::repair::Found;
use tayberry_firmware::{Autoboot, locate};
use tayberry_format::autoboot::{self, BYTES};
use tayberry_format::slot::Slot;
use tayberry_format::{config_partition, layout};

use crate::device::whole_file;
use crate::update::direct::{self, Aligned, BLOCK, BUFFER};

/// The copy.
const JOURNAL: &str = "/var/lib/tayberry/default-slot";
/// Longest file that is carried over to a new config partition, in bytes, and how many files.
const KEPT_BYTES: u64 = 1 << 20;
const KEPT_FILES: usize = 32;

fn whole(disk: &str) -> std::path::PathBuf {
    Path::new("/dev").join(disk)
}

/// What the file says.
///
/// # Errors
/// When the disk cannot be opened.
pub fn look(disk: &str) -> io::Result<Found> {
    let disk = File::open(whole(disk))?;
    // Whatever is wrong with the file system is a damaged file.
    let text = tayberry_firmware::read(&disk, layout::CONFIG.number, autoboot::FILE, BYTES as u64);
    let text = text.unwrap_or_default();
    if let Some(slot) = autoboot::default_slot(&text) {
        return Ok(Found::Ours(slot));
    }
    // What a person writes is text; the rest of a file that was half overwritten is not.
    let is_text = text.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let named = Autoboot::parse(&text, false).boot_partition.and_then(Slot::from_boot_partition);
    Ok(named.filter(|_| is_text).map_or(Found::Damaged, Found::Edited))
}

/// Makes `slot` the default and reads that back: one sector is overwritten where it lies. Where that is not possible, the
/// config partition is made anew.
///
/// # Errors
/// When the drive refuses, or gives back something else.
pub fn write(disk: &str, slot: Slot) -> io::Result<()> {
    let path = whole(disk);
    let drive = direct::open(&path)?;
    match place(&File::open(&path)?) {
        Ok(offset) => sector(&drive, offset, slot)?,
        Err(why) => {
            tracing::warn!("the config partition is made anew: {why}");
            rebuild(&File::open(&path)?, &drive, slot)?;
        }
    }
    let file = File::open(&path)?;
    crate::device::boot::forget(&file)?;
    match look(disk)? {
        Found::Ours(found) if found == slot => Ok(()),
        _ => Err(io::Error::other("autoboot.txt reads back as something else")),
    }
}

/// Where the file's one sector lies.
fn place(disk: &File) -> Result<u64, String> {
    let place = locate(disk, layout::CONFIG.number, autoboot::FILE).map_err(|error| error.to_string())?;
    match place.extents[..] {
        [extent] if extent.length == BYTES as u64 && extent.offset.is_multiple_of(layout::SECTOR) => {
            Ok(extent.offset)
        }
        _ => Err("autoboot.txt is not one sector".to_owned()),
    }
}

/// Writes the sector, flushes it, and reads it from the drive.
fn sector(drive: &File, offset: u64, slot: Slot) -> io::Result<()> {
    let mut buffer = Aligned::new();
    buffer.get_mut(0, BYTES).copy_from_slice(&autoboot::sector(slot));
    drive.write_all_at(buffer.get(0, BYTES), offset)?;
    drive.sync_all()?;
    buffer.get_mut(0, BYTES).fill(0);
    drive.read_exact_at(buffer.get_mut(0, BYTES), offset)?;
    if autoboot::default_slot(buffer.get(0, BYTES)) == Some(slot) {
        Ok(())
    } else {
        Err(io::Error::other("autoboot.txt reads back as something else"))
    }
}

/// Writes a new file system, with the files that can still be read. Its first block comes last: until then the firmware finds
/// no `autoboot.txt`, as before.
fn rebuild(old: &File, drive: &File, slot: Slot) -> io::Result<()> {
    let autoboot = autoboot::sector(slot);
    let bytes = config_partition::render(&autoboot, &readable(old))
        .or_else(|_| config_partition::render(&autoboot, &[]))
        .map_err(io::Error::other)?;
    let start = layout::CONFIG.start;
    let mut buffer = Aligned::new();
    let mut put = |from: usize, to: usize| {
        buffer.get_mut(0, to - from).copy_from_slice(&bytes[from..to]);
        drive.write_all_at(buffer.get(0, to - from), start + from as u64)
    };
    put(0, BLOCK).and_then(|()| drive.sync_all())?;
    let mut from = BLOCK;
    while from < bytes.len() {
        let to = bytes.len().min(from + BUFFER);
        put(from, to)?;
        from = to;
    }
    drive.sync_all()?;
    put(0, BLOCK)?;
    drive.sync_all()
}

/// Paths and contents of what a person may have put there.
fn readable(disk: &File) -> Vec<(String, Vec<u8>)> {
    let number = layout::CONFIG.number;
    let listed = tayberry_firmware::list(disk, number).unwrap_or_default();
    let files = listed.into_iter().take(KEPT_FILES);
    let read = |path: String| Some((tayberry_firmware::read(disk, number, &path, KEPT_BYTES).ok()?, path));
    files.filter_map(|(path, _)| read(path)).map(|(bytes, path)| (path, bytes)).collect()
}

/// The slot that the copy names; none if there is no copy, or it is damaged.
#[must_use]
pub fn journal() -> Option<Slot> {
    let text = std::fs::read_to_string(JOURNAL).ok()?;
    Slot::ALL.into_iter().find(|slot| text.trim() == slot.to_string())
}

/// Writes the copy.
///
/// # Errors
/// When the data partition takes nothing.
pub fn keep(slot: Slot) -> io::Result<()> {
    whole_file::replace(Path::new(JOURNAL), format!("{slot}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::config_file::tests::{disk, name, with_card_reader};

    fn sound() -> tempfile::NamedTempFile {
        disk(&[("autoboot.txt", &autoboot::sector(Slot::A)), ("tayberry.toml", b"# mine\n")])
    }

    #[test]
    fn one_sector_changes() {
        let disk = sound();
        let before = std::fs::read(disk.path()).unwrap();
        assert_eq!(look(name(&disk)).unwrap(), Found::Ours(Slot::A));
        write(name(&disk), Slot::B).unwrap();
        let after = std::fs::read(disk.path()).unwrap();
        let changed: Vec<usize> = (0..before.len() / BYTES)
            .filter(|n| before[n * BYTES..][..BYTES] != after[n * BYTES..][..BYTES])
            .collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(look(name(&disk)).unwrap(), Found::Ours(Slot::B));
    }

    #[test]
    fn whatever_happened_to_the_file_it_can_be_written_again() {
        type Damage = fn(&tempfile::NamedTempFile);
        let damages: [(&str, Damage, Found); 6] = [
            (
                "deleted",
                |disk| with_card_reader(disk, |volume| volume.root_dir().remove("autoboot.txt").unwrap()),
                Found::Damaged,
            ),
            (
                "zeroed",
                |disk| {
                    let offset = place(disk.as_file()).unwrap();
                    disk.as_file().write_all_at(&[0; BYTES], offset).unwrap();
                },
                Found::Damaged,
            ),
            (
                "half written",
                |disk| {
                    let offset = place(disk.as_file()).unwrap();
                    disk.as_file().write_all_at(&[0xff; 40], offset).unwrap();
                },
                Found::Damaged,
            ),
            (
                "edited, shorter",
                |disk| {
                    with_card_reader(disk, |volume| {
                        let mut file = volume.root_dir().create_file("autoboot.txt").unwrap();
                        file.truncate().unwrap();
                        std::io::Write::write_all(&mut file, b"[all]\nboot_partition=3\n").unwrap();
                    });
                },
                Found::Edited(Slot::B),
            ),
            (
                "no file system",
                |disk| disk.as_file().write_all_at(&[0; 4096], layout::CONFIG.start).unwrap(),
                Found::Damaged,
            ),
            (
                "noise all over",
                |disk| disk.as_file().write_all_at(&vec![0xa5; 2 << 20], layout::CONFIG.start).unwrap(),
                Found::Damaged,
            ),
        ];
        for (what, damage, wanted) in damages {
            let disk = sound();
            damage(&disk);
            assert_eq!(look(name(&disk)).unwrap(), wanted, "{what}");
            for slot in [Slot::B, Slot::A] {
                write(name(&disk), slot).unwrap();
                assert_eq!(look(name(&disk)).unwrap(), Found::Ours(slot), "{what}");
            }
            place(disk.as_file()).unwrap();
            if wanted == Found::Edited(Slot::B) || what == "deleted" {
                let kept = tayberry_firmware::read(disk.as_file(), 1, "tayberry.toml", 100).unwrap();
                assert_eq!(kept, b"# mine\n", "{what}");
            }
        }
    }
}
