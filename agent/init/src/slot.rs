//! Finds the slot's system partition on the disk that the firmware booted from.
//!
//! Never by name or UUID alone: an SD card and an NVMe drive may both hold the same image. The firmware says which
//! kind of disk and which partition; the root hash on the command line must match the tree that is found there.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tayberry_format::layout;
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, Header, RootHash};

use crate::machine::Machine;
use crate::{InitError, block};

/// How long disks may take to appear. An NVMe drive behind PCIe needs about a second.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// How long rescue waits for a disk with its system once there is another one: well within the watchdog's time.
const BETTER: Duration = Duration::from_secs(2);

/// A system partition whose tree has the right root.
pub(crate) struct Opened {
    pub(crate) slot: Slot,
    /// Kernel name of the disk.
    pub(crate) disk: String,
    /// Kernel name of the partition.
    pub(crate) partition: String,
    pub(crate) header: Header,
}

impl Opened {
    /// Has the kernel verify it; returns the kernel's name of the device.
    pub(crate) fn verify(&self, root: RootHash) -> Result<String, InitError> {
        let failed = || InitError::system(format!("verify {}", self.partition));
        let number = block::device_number(&self.partition).map_err(failed())?;
        let name = self.slot.verity_device();
        tayberry_dm::verity::open(name, &number, &self.header, root).map_err(failed())
    }
}

pub(crate) fn find(machine: &Machine) -> Result<Opened, InitError> {
    let slots: Vec<Slot> = machine.slot.map_or(Slot::ALL.to_vec(), |slot| vec![slot]);
    let mut seen = Vec::new();
    let opened = wait_for(machine, |disks| {
        seen = Vec::new();
        for disk in disks {
            for &slot in &slots {
                match look(disk, slot, machine.root_hash) {
                    Ok(opened) => return Some(opened),
                    Err(error) => seen.push(format!("{disk}: {error}")),
                }
            }
        }
        None
    });
    if let Some(opened) = opened {
        return Ok(opened);
    }
    let Some(slot) = machine.slot else { return Err(InitError::UnknownSlot(machine.root_hash.to_string())) };
    let seen = if seen.is_empty() { "no such disk".to_owned() } else { seen.join("; ") };
    Err(InitError::NoSlot {
        slot: slot.to_string(),
        wanted: machine.boot_mode.name(),
        seconds: PATIENCE.as_secs(),
        seen,
    })
}

/// The disk that the firmware booted from, whatever its slots hold: the one of its kind with the system that rescue came with, or,
/// where no slot holds that any more, the first with our partitions.
pub(crate) fn disk(machine: &Machine) -> Result<String, InitError> {
    let holds = |disk: &String| Slot::ALL.iter().any(|slot| look(disk, *slot, machine.root_hash).is_ok());
    let ours = |disk: &&String| {
        let named = |part: &layout::Partition| {
            block::label(&block::partition(disk, part.number)).as_deref() == Some(part.name)
        };
        layout::IMAGE.iter().all(named)
    };
    let mut looked = BTreeSet::new();
    let mut first: Option<(String, Instant)> = None;
    wait_for(machine, |disks| {
        for disk in disks.iter().filter(ours) {
            first.get_or_insert_with(|| (disk.clone(), Instant::now()));
            // Once: a drive that cannot read its head takes long to say so.
            if looked.insert(disk.clone()) && holds(disk) {
                return Some(disk.clone());
            }
        }
        first.as_ref().filter(|(_, seen)| seen.elapsed() > BETTER).map(|(disk, _)| disk.clone())
    })
    .ok_or(InitError::NoDisk { wanted: machine.boot_mode.name(), seconds: PATIENCE.as_secs() })
}

/// Looks at the disks that may be the one, until `look` finds something or time is up.
fn wait_for<T>(machine: &Machine, mut look: impl FnMut(&[String]) -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut disks = block::disks();
        disks.retain(|disk| machine.boot_mode.matches(disk));
        let found = look(&disks);
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "sysfs cannot be waited on; this polls with a deadline"
        )]
        std::thread::sleep(POLL);
    }
}

/// Opens the slot's system partition on `disk` and compares the root of its tree.
fn look(disk: &str, slot: Slot, expected: RootHash) -> io::Result<Opened> {
    if block::sector(disk) != Some(layout::SECTOR) {
        return Err(io::Error::other("its logical sectors are not 512 bytes long"));
    }
    let partition = block::partition(disk, slot.system_partition());
    let file = File::open(block::path(&partition))?;
    let (header, found) = root_of(&file)?;
    if found != expected {
        return Err(io::Error::other(format!("its system partition has root hash {found}, not {expected}")));
    }
    Ok(Opened { slot, disk: disk.to_owned(), partition, header })
}

/// The head of a system partition's tree, and the root hash that the tree has. Only the top is read.
pub(crate) fn root_of(system: &File) -> io::Result<(Header, RootHash)> {
    let mut first = [0; BLOCK];
    system.read_exact_at(&mut first, layout::HASH_OFFSET)?;
    let header = Header::decode(&first).map_err(io::Error::other)?;
    let mut top = [0; BLOCK];
    system.read_exact_at(&mut top, Header::TREE_OFFSET)?;
    Ok((header, RootHash(Sha256::digest(top).into())))
}
