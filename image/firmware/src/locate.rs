//! Finds one file of a FAT partition, for tools that overwrite a pre-allocated file in place. Nothing of a boot is
//! modelled here; reading is as bounded as [`crate::boot`]'s.

use crate::disk::Disk;
use crate::fat::{BootFile, Volume};
use crate::log::Log;
use crate::reader::Reader;
use crate::table;

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
    let reader = Reader::new(disk);
    let table = table::read(&reader, true, &mut Log::default())
        .map_err(|error| LocateError::Partition { partition, reason: error.to_string() })?;
    let place = table.get(partition).map_err(|reason| LocateError::Partition { partition, reason })?;
    let volume = |error: crate::fat::FatError| LocateError::Volume { partition, reason: error.to_string() };
    Volume::open(&reader, place)
        .map_err(volume)?
        .find(path)
        .map_err(volume)?
        .ok_or_else(|| LocateError::Missing { partition, path: path.to_owned() })
}
