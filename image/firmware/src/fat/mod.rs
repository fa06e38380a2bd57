//! A reader for FAT12, FAT16 and FAT32, made for disks that may be torn or hostile.
//!
//! It is our own because the usual libraries trust the volume: a cycle in an allocation table makes them
//! loop, and a wrong size makes them read or allocate without end. Here every walk is bounded by the number
//! of clusters, by the length asked for and by the reader's allowance, and anything inconsistent is an
//! error. It never writes. Chains are in `chain`, names in `directory`; which files matter is left to others.

mod chain;
mod directory;
mod volume;

use serde::{Deserialize, Serialize};

use crate::disk::DiskError;

pub(crate) use volume::Volume;

/// A run of bytes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// First byte, counted from the start of the disk.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// A file that the firmware loads: where it lies, not what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFile {
    /// Path from the root of its partition, as asked for.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Its bytes in order; their lengths sum up to `size`.
    pub extents: Vec<Extent>,
}

/// The volume or one of its files cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FatError {
    #[error("no FAT file system: {0}")]
    NotFat(String),
    #[error("the file system is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Disk(#[from] DiskError),
}
