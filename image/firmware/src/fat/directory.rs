//! Finding a file by its path, and listing all of them: long and short names, subdirectories. Reads directory entries only.

use super::volume::{Kind, Root, Volume};
use super::{BootFile, Extent, FatError};
use crate::bytes::{u8_at, u16_at, u32_at};
use crate::disk::Disk;

/// Most bytes of one directory: 65,536 entries, the most that Microsoft's text allows.
const MAX_DIRECTORY: u64 = 65_536 * 32;

/// Most folders in one path.
const MAX_DEPTH: usize = 16;

const ATTRIBUTE_VOLUME: u8 = 0x08;
const ATTRIBUTE_DIRECTORY: u8 = 0x10;
const ATTRIBUTE_LONG_NAME: u8 = 0x0f;

/// What is done with each complete entry of a directory; false ends the walk.
type Visit<'v> = dyn FnMut(String, Entry) -> bool + 'v;

/// A directory entry.
#[derive(Clone, Copy)]
struct Entry {
    directory: bool,
    first: u32,
    size: u32,
}

impl<D: Disk + ?Sized> Volume<'_, D> {
    /// The file at `path` (`/` separates, case does not matter), or `None` if it is not there.
    ///
    /// An entry with a valid long name answers to that name only, any other to its short name (rpi-eeprom
    /// release notes 2024-01-05 tell of short entries once taken for long ones; that a long entry does not
    /// answer to its short name is inferred).
    pub(crate) fn find(&self, path: &str) -> Result<Option<BootFile>, FatError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.len() > MAX_DEPTH {
            return Ok(None);
        }
        let Some((name, folders)) = parts.split_last() else { return Ok(None) };
        let mut place = match self.root {
            Root::Fixed(extent) => vec![extent],
            Root::Cluster(first) => self.directory_extents(first, MAX_DIRECTORY)?,
        };
        for folder in folders {
            match self.find_in(&place, folder)? {
                Some(entry) if entry.directory => {
                    place = self.directory_extents(entry.first, MAX_DIRECTORY)?;
                }
                _ => return Ok(None),
            }
        }
        match self.find_in(&place, name)? {
            Some(entry) if !entry.directory => {
                let extents = self.file_extents(entry.first, u64::from(entry.size))?;
                Ok(Some(BootFile { path: path.to_owned(), size: u64::from(entry.size), extents }))
            }
            _ => Ok(None),
        }
    }

    /// Looks through one directory.
    fn find_in(&self, place: &[Extent], name: &str) -> Result<Option<Entry>, FatError> {
        let mut found = None;
        self.each_in(place, &mut |other, entry| {
            if fold(&other) == fold(name) {
                found = Some(entry);
            }
            found.is_none()
        })?;
        Ok(found)
    }

    /// Path and size in bytes of every file, folder by folder in the order of their entries, `limit` of them at most.
    pub(crate) fn list(&self, limit: usize) -> Result<Vec<(String, u64)>, FatError> {
        let mut files = Vec::new();
        let mut folders = vec![(String::new(), None, 0)];
        while let Some((path, first, depth)) = folders.pop() {
            let place = match (first, self.root) {
                (None, Root::Fixed(extent)) => vec![extent],
                (None, Root::Cluster(first)) | (Some(first), _) => {
                    self.directory_extents(first, MAX_DIRECTORY)?
                }
            };
            let mut too_many = false;
            self.each_in(&place, &mut |name, entry| {
                let path = format!("{path}{name}");
                match entry.directory {
                    true if matches!(name.as_str(), "." | "..") || depth + 1 == MAX_DEPTH => {}
                    true => folders.push((format!("{path}/"), Some(entry.first), depth + 1)),
                    false => files.push((path, u64::from(entry.size))),
                }
                too_many = files.len() + folders.len() > limit;
                !too_many
            })?;
            if too_many {
                return Err(FatError::Damaged(format!("it claims to hold more than {limit} files")));
            }
        }
        Ok(files)
    }

    /// Hands the entries of one directory to `visit`.
    fn each_in(&self, place: &[Extent], visit: &mut Visit<'_>) -> Result<(), FatError> {
        let mut long = LongName::default();
        let mut block = [0_u8; 4096];
        for extent in place {
            let mut done = 0;
            while done < extent.length {
                let length = usize::try_from(extent.length - done).unwrap_or(usize::MAX).min(block.len());
                let Some(bytes) = block.get_mut(..length) else { break };
                self.reader.read(extent.offset + done, bytes)?;
                done += length as u64;
                for raw in bytes.chunks_exact(32) {
                    if u8_at(raw, 0) == 0 {
                        return Ok(());
                    }
                    if let Some((name, mut entry)) = long.feed(raw) {
                        // The upper half is a cluster number on FAT32 only; elsewhere it means other things.
                        entry.first &= if self.kind == Kind::Fat32 { 0x0fff_ffff } else { 0xffff };
                        if !visit(name, entry) {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The long name collected from the entries before the one it belongs to.
#[derive(Default)]
struct LongName {
    units: Vec<u16>,
    expected: u8,
    checksum: u8,
}

impl LongName {
    /// Takes the next raw entry; answers with its name when it completes one.
    fn feed(&mut self, raw: &[u8]) -> Option<(String, Entry)> {
        let attributes = u8_at(raw, 11);
        if u8_at(raw, 0) == 0xe5 {
            *self = Self::default();
            return None;
        }
        if attributes & 0x3f == ATTRIBUTE_LONG_NAME {
            self.collect(raw);
            return None;
        }
        let long = std::mem::take(self);
        if attributes & ATTRIBUTE_VOLUME != 0 {
            return None;
        }
        let entry = Entry {
            directory: attributes & ATTRIBUTE_DIRECTORY != 0,
            first: u32::from(u16_at(raw, 20)) << 16 | u32::from(u16_at(raw, 26)),
            size: u32_at(raw, 28),
        };
        Some((long.complete(raw).unwrap_or_else(|| short_name(raw)), entry))
    }

    /// Adds one long-name entry. They come last part first: 0x40|N, N-1, ... 1.
    fn collect(&mut self, raw: &[u8]) {
        let order = u8_at(raw, 0);
        if order & 0x40 != 0 {
            *self = Self { units: Vec::new(), expected: order & 0x3f, checksum: u8_at(raw, 13) };
        }
        if self.expected == 0
            || self.expected > 20
            || order & 0x3f != self.expected
            || u8_at(raw, 13) != self.checksum
        {
            *self = Self::default();
            return;
        }
        let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
        let mut part: Vec<u16> = places.iter().map(|at| u16_at(raw, *at)).collect();
        part.append(&mut self.units);
        self.units = part;
        self.expected -= 1;
        if self.expected == 0 {
            // All parts are there: mark with a value that no entry can carry.
            self.expected = u8::MAX;
        }
    }

    /// The name, if all of its parts came and belong to this short entry.
    fn complete(self, raw: &[u8]) -> Option<String> {
        let mut sum = 0_u8;
        for byte in raw.get(..11)? {
            sum = sum.rotate_right(1).wrapping_add(*byte);
        }
        if self.expected != u8::MAX || sum != self.checksum {
            return None;
        }
        let units = self.units.split(|unit| *unit == 0).next()?;
        String::from_utf16(units).ok()
    }
}

/// `NAME.EXT` of a short entry.
fn short_name(raw: &[u8]) -> String {
    let letters = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let base = letters(raw.get(..8).unwrap_or_default());
    let extension = letters(raw.get(8..11).unwrap_or_default());
    match (base.trim_end(), extension.trim_end()) {
        (base, "") => base.to_owned(),
        (base, extension) => format!("{base}.{extension}"),
    }
}

/// Case does not matter for ASCII letters; other letters must match (inferred).
fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}
