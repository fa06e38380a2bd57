//! One allowance of reads for one question. Every byte that the model sees comes through here, so a hostile
//! disk (cycles, chains of millions of clusters, endless directories) costs a known maximum and then an error.

use std::cell::Cell;

use crate::disk::{Disk, DiskError};

/// Most reads that one [`crate::boot`] makes. A disk of our own layout needs fewer than 100.
pub const MAX_READS: u32 = 8192;

/// Most bytes that one [`crate::boot`] reads. A disk of our own layout needs less than 1 MiB.
pub const MAX_BYTES: u64 = 32 << 20;

/// A disk with what is left of the allowance.
pub(crate) struct Reader<'d, D: ?Sized> {
    disk: &'d D,
    size: u64,
    reads: Cell<u32>,
    bytes: Cell<u64>,
}

impl<'d, D: Disk + ?Sized> Reader<'d, D> {
    pub(crate) fn new(disk: &'d D) -> Self {
        Self { disk, size: disk.size(), reads: Cell::new(0), bytes: Cell::new(0) }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(DiskError::OutOfRange { offset, length, size: self.size });
        }
        let (reads, bytes) = (self.reads.get(), self.bytes.get());
        if reads >= MAX_READS || bytes.saturating_add(length) > MAX_BYTES {
            return Err(DiskError::TooMuchWork { reads, bytes });
        }
        self.reads.set(reads + 1);
        self.bytes.set(bytes + length);
        self.disk.read_at(offset, buffer)
    }
}
