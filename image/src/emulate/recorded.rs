//! What is kept of a disk whose writes are recorded: how it was before each boot, and what a power cut tore.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::emulate::writes::{Log, SECTOR};
use crate::emulate::{EmulateError, at};

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

/// Keeps the disk and the record of the boot before, if there was one.
pub(super) fn keep_both(before: &Path, record: &Path) -> std::io::Result<()> {
    if !before.exists() || !record.exists() {
        return Ok(());
    }
    let number = (0..).find(|number| !kept(record, *number).exists()).unwrap_or_default();
    std::fs::rename(before, kept(before, number))?;
    std::fs::rename(record, kept(record, number))
}

/// Brings the disk `before` to the middle of the last write of `log`; none when nothing was written.
pub(super) fn tear(
    log: &Log,
    before: &Path,
    keep: Option<u64>,
) -> Result<Option<(PathBuf, Torn)>, EmulateError> {
    let Some((count, offset, bytes)) = log.last_data() else { return Ok(None) };
    let kept = keep.unwrap_or(bytes / 2 / SECTOR * SECTOR).min(bytes);
    let disk = std::fs::OpenOptions::new().write(true).open(before).map_err(at(before))?;
    log.replay(&disk, count, Some(kept)).map_err(at(before))?;
    Ok(Some((before.to_owned(), Torn { offset, bytes, kept })))
}
