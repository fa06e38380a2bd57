//! A disk as it would be: a file, and writes over it that reached the drive, whole or in part.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use tayberry_firmware::{Disk, DiskError};

/// Bytes at a place. Later patches lie over earlier ones.
#[derive(Clone)]
pub struct Patch<'a> {
    /// First byte on the disk.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Patch<'_> {
    /// Whether it changes something of the bytes from `start` to `end`.
    #[must_use]
    pub fn touches(&self, start: u64, end: u64) -> bool {
        self.offset < end && start < self.offset + self.bytes.len() as u64
    }
}

/// The disk.
pub struct Overlay<'a> {
    /// What lies below.
    pub base: &'a File,
    /// Its length in bytes.
    pub size: u64,
    /// What lies over it.
    pub patches: Vec<Patch<'a>>,
}

impl Overlay<'_> {
    /// Whether a patch changes something of the bytes from `start` to `end`.
    #[must_use]
    pub fn touches(&self, start: u64, end: u64) -> bool {
        self.patches.iter().any(|patch| patch.touches(start, end))
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// When the file below cannot be read.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.base.read_exact_at(buffer, offset)?;
        let end = offset + buffer.len() as u64;
        for patch in self.patches.iter().filter(|patch| patch.touches(offset, end)) {
            let from = patch.offset.max(offset);
            let to = (patch.offset + patch.bytes.len() as u64).min(end);
            let at = |place: u64, base: u64| usize::try_from(place - base).map_err(io::Error::other);
            buffer[at(from, offset)?..at(to, offset)?]
                .copy_from_slice(&patch.bytes[at(from, patch.offset)?..at(to, patch.offset)?]);
        }
        Ok(())
    }

    /// The bytes from `start` to `end`.
    #[must_use]
    pub fn window(&self, start: u64, end: u64) -> Window<'_> {
        Window { disk: self, at: start, end }
    }
}

impl Disk for Overlay<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let length = buffer.len() as u64;
        self.read(offset, buffer).map_err(|source| DiskError::Io { offset, length, source })
    }
}

/// Consecutive bytes of a disk.
pub struct Window<'a> {
    disk: &'a Overlay<'a>,
    at: u64,
    end: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        self.disk.read(self.at, &mut buffer[..length])?;
        self.at += length as u64;
        Ok(length)
    }
}
