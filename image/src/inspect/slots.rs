//! Looks at the two slots: the files of the boot partition, the root hash in its command line, and whether the system
//! partition is the one that this hash stands for.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use serde::Serialize;
use tayberry_firmware as model;
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::packages::Contents;
use tayberry_format::slot::Slot;
use tayberry_format::verity::{self, BLOCK, Header, RootHash, VerityError};
use tayberry_format::{autoboot, cmdline};

/// Longest command line that is read, in bytes: what the arm64 kernel takes (`COMMAND_LINE_SIZE`).
const MAX_CMDLINE: u64 = 2048;
const CMDLINE: &str = "cmdline.txt";

/// A slot.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Which one.
    pub slot: Slot,
    /// Neither a file in the boot partition nor a hash tree in the system partition.
    pub empty: bool,
    /// The files of the boot partition.
    pub boot_files: Vec<BootFile>,
    /// Why the boot partition cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_problem: Option<String>,
    /// Root hash in the kernel command line.
    pub root_hash: Option<RootHash>,
    /// The system partition.
    pub system: System,
    /// What it is made of, by its own list; only looked up in a verified system partition.
    pub contents: Option<Contents>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents_problem: Option<String>,
}

/// A file of a boot partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootFile {
    /// Path from the root of the partition.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// A system partition.
#[derive(Debug, Serialize)]
#[serde(tag = "state")]
pub enum System {
    /// Every block of it, and of its hash tree, follows from the root hash.
    #[serde(rename = "verified")]
    Verified {
        /// File system in bytes.
        bytes: u64,
        /// Hash tree in bytes.
        tree_bytes: u64,
    },
    /// It is not what the root hash stands for.
    #[serde(rename = "does not match")]
    DoesNotMatch {
        /// The difference.
        why: String,
    },
    /// It has no hash tree.
    #[serde(rename = "empty")]
    Empty,
}

impl Found {
    /// What is wrong with the slot; an empty slot is in order.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let slot = self.slot;
        match &self.system {
            System::DoesNotMatch { why } => {
                Some(format!("the system partition of slot {slot} does not match its root hash ({why})"))
            }
            System::Empty if !self.empty => {
                Some(format!("slot {slot} has files in its boot partition and an empty system partition"))
            }
            _ => self.boot_problem.as_ref().map(|why| format!("slot {slot}: {why}")),
        }
    }
}

/// The default slot that `autoboot.txt` names.
#[must_use]
pub fn default_slot<D: model::Disk + ?Sized>(disk: &D) -> Option<Slot> {
    let limit = autoboot::BYTES as u64;
    let text = model::read(disk, layout::CONFIG.number, autoboot::FILE, limit).ok()?;
    autoboot::default_slot(&text)
}

/// Bytes that [`look`] will read of the system partition of `slot`.
#[must_use]
pub fn data_bytes(disk: &File, slot: Slot) -> u64 {
    header(disk, slot).map_or(0, |header| header.data_blocks * BLOCK as u64)
}

/// Looks at a slot; `progress` hears of every byte of the system partition.
#[must_use]
pub fn look(disk: &File, slot: Slot, progress: &dyn Fn(u64)) -> Found {
    let boot = layout::boot(slot).number;
    let (boot_files, boot_problem) = match model::list(disk, boot) {
        Ok(files) => (files.into_iter().map(|(path, bytes)| BootFile { path, bytes }).collect(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let root_hash = root_hash(disk, boot);
    let system = match &root_hash {
        Ok(root) => check(disk, slot, *root, progress),
        Err(why) => match header(disk, slot) {
            Err(VerityError::Empty) => System::Empty,
            _ => System::DoesNotMatch { why: why.clone() },
        },
    };
    let empty = boot_files.is_empty() && matches!(system, System::Empty);
    let root_hash = root_hash.ok();
    let (contents, contents_problem) = (None, None);
    Found { slot, empty, boot_files, boot_problem, root_hash, system, contents, contents_problem }
}

fn root_hash(disk: &File, boot: u32) -> Result<RootHash, String> {
    let text = model::read(disk, boot, CMDLINE, MAX_CMDLINE).map_err(|error| error.to_string())?;
    cmdline::root_hash(&String::from_utf8_lossy(&text)).map_err(|error| error.to_string())
}

fn header(disk: &File, slot: Slot) -> Result<Header, VerityError> {
    let mut block = [0; BLOCK];
    disk.read_exact_at(&mut block, layout::system(slot).start + HASH_OFFSET)?;
    Header::decode(&block)
}

/// Makes the hash tree anew and compares.
fn check(disk: &File, slot: Slot, root: RootHash, progress: &dyn Fn(u64)) -> System {
    let verified = || -> Result<System, VerityError> {
        let start = layout::system(slot).start;
        let window = |from, to| Ok(Part { disk, at: start + from, end: start + to, progress });
        let blocks = verity::verify_partition(window, root)?;
        let (bytes, tree_bytes) = (blocks * BLOCK as u64, verity::hash_blocks(blocks) * BLOCK as u64);
        Ok(System::Verified { bytes, tree_bytes })
    };
    match verified() {
        Ok(system) => system,
        Err(VerityError::Empty) => System::Empty,
        Err(error) => System::DoesNotMatch { why: error.to_string() },
    }
}

/// Some of a disk, read in order.
struct Part<'a> {
    disk: &'a File,
    at: u64,
    end: u64,
    progress: &'a dyn Fn(u64),
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(rest);
        let read = self.disk.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        (self.progress)(read as u64);
        Ok(read)
    }
}
