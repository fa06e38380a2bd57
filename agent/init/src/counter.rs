//! Counts this start, and leaves a committed slot that is damaged for one that is whole. Decided in
//! `tayberry_format::boot_counter`. A trial is not counted: it ends by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use tayberry_format::autoboot;
use tayberry_format::boot_counter::{BYTES, Counter, Verdict, decide};
use tayberry_format::config_partition::{STATE, place};
use tayberry_format::layout::MIB;
use tayberry_format::slot::Slot;
use tayberry_format::verity::{self, RootHash};

use crate::machine::Machine;
use crate::slot::{self, Opened};
use crate::watchdog::{self, Watchdog};
use crate::{block, steps};

/// Where the command line of a slot lies at the latest, in bytes from the beginning of its boot partition: it is one of the
/// first files.
const COMMAND_LINE: u64 = 8 * MIB;

/// Bytes that are read between two feedings of the watchdog.
const MEAL: usize = 8 << 20;

/// Counts. Returns true if the board must be reset: another slot is the default now, or rescue is wanted. What cannot be read or written keeps no
/// system from starting.
pub(crate) fn count(machine: &Machine, opened: &Opened, watchdog: Option<&Watchdog>) -> bool {
    if machine.trial {
        return false;
    }
    match try_count(machine, opened, watchdog) {
        Ok(leave) => leave,
        Err(error) => {
            steps::say(&format!("starts cannot be counted: {error}"));
            false
        }
    }
}

fn try_count(machine: &Machine, opened: &Opened, watchdog: Option<&Watchdog>) -> io::Result<bool> {
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
    write(Counter { hang: false, ..counter })?;
    if counter.hang {
        hang();
    }
    let own = || is_whole(&opened.disk, opened.slot, machine.root_hash, watchdog);
    let other = || bootable(&opened.disk, opened.slot.other(), watchdog);
    match decide(counter, own, other) {
        Verdict::Start => Ok(false),
        Verdict::StartAnew => {
            steps::say("this system did not come up several times, but it is whole: it is started once more");
            write(Counter { starts: 1, ..counter }).map(|()| false)
        }
        Verdict::Reset => {
            steps::say(
                "the systems in both slots are damaged: the board is reset until the firmware goes to rescue",
            );
            Ok(true)
        }
        Verdict::StartDamaged => {
            steps::say("this system is damaged, and there is no other one: it is started all the same");
            Ok(false)
        }
        Verdict::Leave => {
            let damaged = opened.slot;
            steps::say(&format!(
                "the system in slot {damaged} is damaged: the device goes to slot {}",
                damaged.other()
            ));
            // Said before it is done: a power cut between the two must not cost the owner the sentence.
            write(Counter { left: Some(damaged), ..counter })?;
            make_default(&disk, damaged.other())?;
            write(Counter { left: Some(damaged), ..Counter::default() }).map(|()| true)
        }
    }
}

/// For `tayberryctl self-test watchdog`: stands still for good; the watchdog resets the board, and the next start does not.
fn hang() -> ! {
    steps::say("self-test of the watchdogs: the initramfs hangs now");
    loop {
        std::thread::park();
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
fn is_whole(disk: &str, slot: Slot, root_hash: RootHash, watchdog: Option<&Watchdog>) -> bool {
    match verify(disk, slot, root_hash, watchdog) {
        Ok(()) => true,
        Err(error) => {
            steps::say(&format!("slot {slot}: {error}"));
            false
        }
    }
}

/// Feeds the watchdog as it reads: a slow card, or one that tries bad blocks again, takes longer than its time.
struct Fed<'a, R> {
    source: R,
    watchdog: Option<&'a Watchdog>,
    /// Bytes since it was fed.
    since: usize,
}

impl<R: Read> Read for Fed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.since += read;
        if self.since >= MEAL {
            self.since = 0;
            watchdog::feed(self.watchdog);
        }
        Ok(read)
    }
}

fn verify(disk: &str, slot: Slot, root_hash: RootHash, watchdog: Option<&Watchdog>) -> io::Result<()> {
    watchdog::feed(watchdog);
    let file = File::open(block::path(&block::partition(disk, slot.system_partition())))?;
    let window = |start, end| {
        (&file).seek(SeekFrom::Start(start))?;
        Ok(Fed { source: (&file).take(end - start), watchdog, since: 0 })
    };
    verity::verify_partition(window, root_hash).map(drop).map_err(io::Error::other)
}

/// The slot holds a system that is whole, and its boot partition names it.
fn bootable(disk: &str, slot: Slot, watchdog: Option<&Watchdog>) -> bool {
    let named = || -> io::Result<RootHash> {
        let system = File::open(block::path(&block::partition(disk, slot.system_partition())))?;
        let (_, root_hash) = slot::root_of(&system)?;
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
        Ok(root_hash) => is_whole(disk, slot, root_hash, watchdog),
        Err(error) => {
            steps::say(&format!("slot {slot}: {error}"));
            false
        }
    }
}
