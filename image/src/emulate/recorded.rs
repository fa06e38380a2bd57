//! What is kept of a disk whose writes are recorded: how it was before each boot, and what a power cut tore.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::emulate::board::Drive;
use crate::emulate::writes::{Log, SECTOR};
use crate::emulate::{EmulateError, at, disk};

/// A write that a power cut tore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// Byte offset on the disk.
    pub offset: u64,
    /// Length of the write in bytes.
    pub bytes: u64,
    /// Bytes of it that reached the disk.
    pub kept: u64,
}

/// Where a recorded disk is kept as it was when the board was switched on; the record begins there.
#[must_use]
pub fn before(disk: &Path) -> PathBuf {
    disk.with_extension("before")
}

/// Where a recorded disk, or its record, is kept of boot `number` (from 0) once another boot has begun.
#[must_use]
pub fn kept(file: &Path, number: u32) -> PathBuf {
    file.with_added_extension(number.to_string())
}

/// A boot begins: each recorded disk is kept as it is now, and its record begins anew.
pub(super) fn begin(drives: &[Drive]) -> Result<(), EmulateError> {
    for drive in drives {
        if let Some(record) = &drive.record {
            let before = before(&drive.path);
            keep_both(&before, record).map_err(at(record))?;
            // QEMU writes into this file, but does not make it.
            std::fs::write(record, "").map_err(at(record))?;
            disk::copy_sparse(&drive.path, &before)?;
        }
    }
    Ok(())
}

/// Puts each recorded disk back to the middle of its last write.
pub(super) fn tear_all(drives: &[Drive], keep: Option<u64>) -> Result<Option<Torn>, EmulateError> {
    let mut torn = None;
    for drive in drives {
        if let Some(record) = &drive.record
            && let Some((disk, write)) = tear(&Log::open(record)?, &before(&drive.path), keep)?
        {
            std::fs::rename(&disk, &drive.path).map_err(at(&disk))?;
            torn = Some(write);
        }
    }
    Ok(torn)
}

/// Keeps the disk and the record of the boot before, if there was one.
fn keep_both(before: &Path, record: &Path) -> std::io::Result<()> {
    if !before.exists() || !record.exists() {
        return Ok(());
    }
    let number = (0..).find(|number| !kept(record, *number).exists()).unwrap_or_default();
    std::fs::rename(before, kept(before, number))?;
    std::fs::rename(record, kept(record, number))
}

/// Brings the disk `before` to the middle of the last write of `log`; none when nothing was written.
fn tear(log: &Log, before: &Path, keep: Option<u64>) -> Result<Option<(PathBuf, Torn)>, EmulateError> {
    let Some((count, offset, bytes)) = log.last_data() else { return Ok(None) };
    let kept = keep.unwrap_or(bytes / 2 / SECTOR * SECTOR).min(bytes);
    let disk = std::fs::OpenOptions::new().write(true).open(before).map_err(at(before))?;
    log.replay(&disk, count, Some(kept)).map_err(at(before))?;
    Ok(Some((before.to_owned(), Torn { offset, bytes, kept })))
}
