//! What the model reads from: any storage that can answer a read at an offset. Limits on how much is read
//! live in `reader`; opening devices and files is left to the callers.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// A disk of `size` bytes with 512-byte logical sectors.
///
/// Offsets are in bytes and need not be aligned. Implementations may be sparse: only what is asked for is
/// read, in pieces of at most 128 KiB.
pub trait Disk {
    /// Size of the disk in bytes. 0 when it cannot be told: every read then fails.
    fn size(&self) -> u64;

    /// Fills all of `buffer` from `offset` bytes after the start.
    ///
    /// # Errors
    /// [`DiskError`] when any part lies outside the disk or the storage fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError>;
}

/// A read of the disk failed.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The read goes past the end: a truncated image, or a table that points outside the disk.
    #[error("{length} bytes at {offset} lie outside the disk of {size} bytes: write the image again")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// Number of bytes asked for.
        length: u64,
        /// Size of the disk in bytes.
        size: u64,
    },
    /// The storage itself failed.
    #[error("cannot read {length} bytes at {offset}: {source}; check the drive")]
    Io {
        /// First byte asked for.
        offset: u64,
        /// Number of bytes asked for.
        length: u64,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The disk asks for more reading than any disk that the firmware boots ([`crate::MAX_READS`],
    /// [`crate::MAX_BYTES`]).
    #[error(
        "gave up after {reads} reads, {bytes} bytes: the file system is damaged or hostile; write it again"
    )]
    TooMuchWork {
        /// Reads done so far.
        reads: u32,
        /// Bytes read so far.
        bytes: u64,
    },
}

impl Disk for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let source = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(DiskError::OutOfRange { offset, length: buffer.len() as u64, size: self.size() })?;
        buffer.copy_from_slice(source);
        Ok(())
    }
}

impl Disk for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.as_slice().read_at(offset, buffer)
    }
}

impl Disk for File {
    /// Found by seeking to the end, which also works on block devices (their metadata says 0).
    fn size(&self) -> u64 {
        let mut file = self;
        file.seek(SeekFrom::End(0)).unwrap_or(0)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.read_exact_at(buffer, offset).map_err(|source| DiskError::Io {
            offset,
            length: buffer.len() as u64,
            source,
        })
    }
}

impl<D: Disk + ?Sized> Disk for &D {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        (**self).read_at(offset, buffer)
    }
}
