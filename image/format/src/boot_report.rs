//! What `tayberry-init` tells the agent, in a file that it leaves in `/run`: which slot it opened on which disk,
//! when each step ended, and what became of the data partition.

use serde::{Deserialize, Serialize};

use crate::slot::Slot;
use crate::verity::RootHash;

/// Where the report lies on the device.
pub const PATH: &str = "/run/tayberry/boot.json";

/// Where the process id of the guard lies, which ends a trial that nobody judges.
pub const GUARD: &str = "/run/tayberry/guard";

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootReport {
    /// The slot that was opened.
    pub slot: Slot,
    /// Device name of the disk, such as `nvme0n1`.
    pub disk: String,
    /// Root hash under which the system partition was opened.
    pub root_hash: RootHash,
    /// The data partition.
    pub data: Data,
    /// Steps in their order, with the end of each in milliseconds since the kernel started.
    pub steps: Vec<(String, u64)>,
}

/// What became of the data partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Data {
    /// Opened; the agent makes the file system first if `blank`.
    Open {
        /// Kernel name of the decrypted device, such as `dm-1`.
        device: String,
        /// Kernel name of the partition, such as `nvme0n1p6`.
        partition: String,
        /// No file system was made yet.
        blank: bool,
    },
    /// Not available, with the reason in one sentence. Nothing on it was changed.
    Unavailable {
        /// The sentence.
        why: String,
    },
}
