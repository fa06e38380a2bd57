//! Why nothing was started, and what the board does next.

use crate::board::ResetState;
use crate::log::LogLine;

/// What stopped the boot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The partition table cannot be used.
    #[error("no usable partition table: {reason}")]
    Table {
        /// What is wrong and what to do.
        reason: String,
    },
    /// No partition that the firmware tried holds a configuration and a suitable device tree.
    #[error(
        "nothing bootable, partition {requested} was wanted{tried}; write a slot again or flash the disk"
    )]
    NothingBootable {
        /// The partition that was chosen first.
        requested: u32,
        /// `; N: reason` for each partition tried.
        tried: String,
    },
    /// The partition was chosen but its kernel or device tree cannot be loaded.
    #[error("partition {partition} was chosen, but {path} {reason}; write this slot again")]
    File {
        /// Partition.
        partition: u32,
        /// File.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration asks for a way of booting that this model does not know.
    #[error("partition {partition} was chosen, but {setting} is not modelled; remove it from config.txt")]
    NotModelled {
        /// Partition.
        partition: u32,
        /// Line of `config.txt`.
        setting: String,
    },
    /// D0 silicon without its overlay: the kernel starts and dies in its pin controller.
    #[error("partition {partition} holds no {path}, without which D0 boards crash in the kernel; add it")]
    StepD0 {
        /// Partition.
        partition: u32,
        /// The overlay looked for.
        path: String,
    },
}

/// Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct BootError {
    /// What stopped the boot.
    pub failure: Box<Failure>,
    /// Each decision up to there.
    pub log: Vec<LogLine>,
    /// The registers at the reset that the board makes by itself; `None`: it stays as it is until somebody
    /// cuts the power. The try-once flag is gone in both cases.
    ///
    /// Sources: rpi-eeprom release notes 2025-06-20 (boot watchdog), 2026-04-14 (reset after fatal errors).
    /// Inferred: running out of bootable partitions is no fatal error but an endless search, as
    /// rpi-eeprom issue 818 reports.
    pub reset_after: Option<ResetState>,
}

/// A file of a boot could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than the caller allows.
    #[error("{path} has {size} bytes, more than the {limit} allowed: raise the limit or shrink the file")]
    TooLarge {
        /// File.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// The disk failed, or changed since the boot was worked out.
    #[error("cannot read {path}: {source}")]
    Disk {
        /// File.
        path: String,
        /// What went wrong.
        source: crate::disk::DiskError,
    },
}
