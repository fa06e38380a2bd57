//! Finds one file of a FAT partition, for tools that overwrite a pre-allocated file in place, or lists and reads its
//! files, for people who look. Nothing of a boot is modelled here; reading is as bounded as [`crate::boot`]'s.

use crate::disk::Disk;
use crate::fat::{BootFile, FatError, Volume};
use crate::log::Log;
use crate::reader::Reader;
use crate::table;

/// Most files and folders that [`list`] goes through. A boot partition of ours has fewer than 100.
pub const MAX_FILES: usize = 4096;

/// The file cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// There is no partition table, or it does not list the partition as one with a FAT file system.
    #[error("partition {partition} cannot be used: {reason}")]
    Partition {
        /// Number in the table.
        partition: u32,
        /// The reason.
        reason: String,
    },
    /// The file system is none, is damaged, or cannot be read.
    #[error("partition {partition}: {reason}")]
    Volume {
        /// Number in the table.
        partition: u32,
        /// The reason.
        reason: String,
    },
    /// The file system is sound and does not have the file.
    #[error("partition {partition} has no file {path}")]
    Missing {
        /// Number in the table.
        partition: u32,
        /// Path as asked for.
        path: String,
    },
}

/// Where `path` (`/` separates, case does not matter) of the partition with this number lies on the disk.
///
/// # Errors
/// [`LocateError`] when the table, the file system or the file is missing or damaged.
pub fn locate<D: Disk + ?Sized>(disk: &D, partition: u32, path: &str) -> Result<BootFile, LocateError> {
    with_volume(disk, partition, |volume| volume.find(path))?
        .ok_or_else(|| LocateError::Missing { partition, path: path.to_owned() })
}

/// Path and size in bytes of every file of the partition with this number, [`MAX_FILES`] at most.
///
/// # Errors
/// [`LocateError`] when the table or the file system is missing or damaged, or holds more files.
pub fn list<D: Disk + ?Sized>(disk: &D, partition: u32) -> Result<Vec<(String, u64)>, LocateError> {
    with_volume(disk, partition, |volume| volume.list(MAX_FILES))
}

/// The contents of a file of the partition with this number, `limit` bytes at most.
///
/// # Errors
/// [`LocateError`] when the table, the file system or the file is missing or damaged, or the file is longer.
pub fn read<D: Disk + ?Sized>(
    disk: &D,
    partition: u32,
    path: &str,
    limit: u64,
) -> Result<Vec<u8>, LocateError> {
    let found = with_volume(disk, partition, |volume| match volume.find(path)? {
        Some(file) => volume.read(&file, limit).map(Some),
        None => Ok(None),
    })?;
    found.ok_or_else(|| LocateError::Missing { partition, path: path.to_owned() })
}

fn with_volume<D: Disk + ?Sized, T>(
    disk: &D,
    partition: u32,
    ask: impl FnOnce(&Volume<'_, D>) -> Result<T, FatError>,
) -> Result<T, LocateError> {
    let reader = Reader::new(disk);
    let table = table::read(&reader, true, &mut Log::default())
        .map_err(|error| LocateError::Partition { partition, reason: error.to_string() })?;
    let place = table.get(partition).map_err(|reason| LocateError::Partition { partition, reason })?;
    Volume::open(&reader, place)
        .and_then(|volume| ask(&volume))
        .map_err(|error| LocateError::Volume { partition, reason: error.to_string() })
}
