//! Counts this start, and leaves a committed slot that is damaged for one that is whole. Decided in
//! `tayberry_format::boot_counter`. A trial is not counted: it ends by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};
use tayberry_format::autoboot;
use tayberry_format::boot_counter::{BYTES, Counter, Verdict, decide};
use tayberry_format::config_partition::{STATE, place};
use tayberry_format::layout::{HASH_OFFSET, MIB};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{self, BLOCK, Header, RootHash, hash_blocks};

use crate::machine::Machine;
use crate::slot::Opened;
use crate::{block, steps};

/// Where the command line of a slot lies at the latest, in bytes from the beginning of its boot partition: it is one of the
/// first files.
const COMMAND_LINE: u64 = 8 * MIB;

/// Counts. Returns true if the board must be reset: another slot is the default now. What cannot be read or written keeps no
/// system from starting.
pub(crate) fn count(machine: &Machine, opened: &Opened) -> bool {
    if machine.trial {
        return false;
    }
    match try_count(machine, opened) {
        Ok(leave) => leave,
        Err(error) => {
            steps::say(&format!("starts cannot be counted: {error}"));
            false
        }
    }
}

fn try_count(machine: &Machine, opened: &Opened) -> io::Result<bool> {
    let disk = OpenOptions::new().read(true).write(true).open(block::path(&opened.disk))?;
    let at = place(STATE).ok_or_else(|| io::Error::other("no place for it"))?;
    let mut held = [0; BYTES];
    disk.read_exact_at(&mut held, at)?;
    let counter =
        Counter::decode(&held).ok_or_else(|| io::Error::other(format!("{STATE} holds something else")))?;
    let counter = counter.another();
    let write = |counter: Counter| -> io::Result<()> {
        disk.write_all_at(&counter.encode(), at)?;
        disk.sync_data()
    };
    write(counter)?;
    let own = || is_whole(&opened.disk, opened.slot, machine.root_hash);
    let other = || bootable(&opened.disk, opened.slot.other());
    match decide(counter, own, other) {
        Verdict::Start => Ok(false),
        Verdict::StartAnew => {
            steps::say("this system did not come up several times, but it is whole: it is started once more");
            write(Counter { starts: 1, left: counter.left }).map(|()| false)
        }
        Verdict::StartDamaged => {
            steps::say("this system is damaged, and there is no other one: it is started all the same");
            Ok(false)
        }
        Verdict::Leave => {
            let slot = opened.slot;
            steps::say(&format!(
                "the system in slot {slot} is damaged: the device goes to slot {}",
                slot.other()
            ));
            make_default(&disk, slot.other())?;
            write(Counter { starts: 0, left: Some(slot) }).map(|()| true)
        }
    }
}

/// Overwrites the one sector of `autoboot.txt`, if that is where it lies.
fn make_default(disk: &File, slot: Slot) -> io::Result<()> {
    let at = place(autoboot::FILE).ok_or_else(|| io::Error::other("no place for it"))?;
    let mut held = [0; autoboot::BYTES];
    disk.read_exact_at(&mut held, at)?;
    if autoboot::default_slot(&held).is_none() {
        return Err(io::Error::other("autoboot.txt lies somewhere else"));
    }
    disk.write_all_at(&autoboot::sector(slot), at)?;
    disk.sync_data()
}

/// Every block of the slot's system partition agrees with this root hash.
fn is_whole(disk: &str, slot: Slot, root_hash: RootHash) -> bool {
    match verify(disk, slot, root_hash) {
        Ok(()) => true,
        Err(error) => {
            steps::say(&format!("slot {slot}: {error}"));
            false
        }
    }
}

fn verify(disk: &str, slot: Slot, root_hash: RootHash) -> io::Result<()> {
    let mut file = File::open(block::path(&block::partition(disk, slot.system_partition())))?;
    let blocks = header(&file)?.data_blocks;
    let length = BLOCK as u64 * (1 + hash_blocks(blocks));
    let mut tree = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut tree, HASH_OFFSET)?;
    file.seek(SeekFrom::Start(0))?;
    let data = io::BufReader::with_capacity(BLOCK * 64, file.take(blocks * BLOCK as u64));
    verity::verify(data, &tree, root_hash).map(drop).map_err(io::Error::other)
}

fn header(file: &File) -> io::Result<Header> {
    let mut first = [0; BLOCK];
    file.read_exact_at(&mut first, HASH_OFFSET)?;
    Header::decode(&first).map_err(io::Error::other)
}

/// The slot holds a system that is whole, and its boot partition names it.
fn bootable(disk: &str, slot: Slot) -> bool {
    let named = || -> io::Result<RootHash> {
        let system = File::open(block::path(&block::partition(disk, slot.system_partition())))?;
        header(&system)?;
        let mut top = [0; BLOCK];
        system.read_exact_at(&mut top, Header::TREE_OFFSET)?;
        let root_hash = RootHash(Sha256::digest(top).into());
        let mut boot = Vec::new();
        let partition = File::open(block::path(&block::partition(disk, slot.boot_partition())))?;
        partition.take(COMMAND_LINE).read_to_end(&mut boot)?;
        let text = root_hash.to_string();
        let found = boot.starts_with(&[0xeb]) && boot.windows(text.len()).any(|part| part == text.as_bytes());
        found
            .then_some(root_hash)
            .ok_or_else(|| io::Error::other("its boot partition does not name its system"))
    };
    match named() {
        Ok(root_hash) => is_whole(disk, slot, root_hash),
        Err(error) => {
            steps::say(&format!("slot {slot}: {error}"));
            false
        }
    }
}
