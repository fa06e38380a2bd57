//! Crash replay: from what a device wrote in one boot, every disk is made that a power cut could have left, and judged.
//!
//! A drive may lose any write since the last flush, and tear the one under way at a sector; between two flushes the points are
//! each prefix, tears, prefixes with one write lost, and random subsets. Points are distinct contents: writes that change
//! nothing do not count.

pub mod data;
pub mod judge;
pub mod overlay;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tayberry::emulate::writes::{Log, SECTOR, Write};
use tayberry_format::layout::DATA_START;

use crate::JourneyError;
use data::Data;
use judge::Verified;
use overlay::{Overlay, Patch};

/// Places at which one write is torn.
const TEARS: u8 = 6;
/// Random subsets of the writes between two flushes.
const SUBSETS: u64 = 6;
/// Of a discard so many bytes are played, in bytes: it covers what no file system uses.
const LONGEST_DISCARD: u64 = 8 << 20;
/// Looks at the data partition in one boot, at the least; each takes a tenth of a second.
const LOOKS: usize = 120;
/// And between two flushes that concern more than data.
const NEAR: usize = 24;

/// Flushes that a planted bug leaves out: the agent's next file is on the disk by then.
const LOOSE: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub struct Tally {
    /// Disks that were judged.
    pub points: u64,
    /// Data partitions that were opened.
    pub opened: u64,
    /// What did not hold.
    pub failures: Vec<String>,
}

/// Bytes that were written.
struct Bytes {
    offset: u64,
    bytes: Vec<u8>,
}

/// What one boot wrote, flush by flush.
pub struct Recording {
    epochs: Vec<Vec<Bytes>>,
}

impl Recording {
    /// Reads a log.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn read(path: &Path) -> Result<Self, JourneyError> {
        let log = Log::open(path)?;
        let mut epochs = vec![Vec::new()];
        for write in &log.writes {
            match *write {
                Write::Flush => epochs.push(Vec::new()),
                Write::Data { offset, bytes, data } => {
                    let mut read = vec![0; usize::try_from(bytes).unwrap_or_default()];
                    log.read(data, &mut read)?;
                    push(&mut epochs, Bytes { offset, bytes: read });
                }
                Write::Discard { offset, bytes } => {
                    let zeros = usize::try_from(bytes.min(LONGEST_DISCARD)).unwrap_or_default();
                    push(&mut epochs, Bytes { offset, bytes: vec![0; zeros] });
                }
            }
        }
        epochs.retain(|epoch| !epoch.is_empty());
        Ok(Self { epochs })
    }

    /// A planted bug: no flush follows the write that `is` names.
    pub fn without_flush(&mut self, is: impl Fn(u64, &[u8]) -> bool) {
        let place = self.epochs.iter().position(|epoch| epoch.iter().any(|one| is(one.offset, &one.bytes)));
        let Some(place) = place else { return };
        let end = (place + 1 + LOOSE).min(self.epochs.len());
        let later: Vec<Bytes> = self.epochs.drain(place + 1..end).flatten().collect();
        self.epochs[place].extend(later);
    }

    /// A planted bug: the write that `is` names comes first of all.
    pub fn too_early(&mut self, is: impl Fn(u64, &[u8]) -> bool) {
        for place in 0..self.epochs.len() {
            if let Some(index) = self.epochs[place].iter().position(|one| is(one.offset, &one.bytes)) {
                let write = self.epochs[place].remove(index);
                self.epochs.insert(0, vec![write]);
                return;
            }
        }
    }
}

fn push(epochs: &mut [Vec<Bytes>], bytes: Bytes) {
    if let Some(epoch) = epochs.last_mut() {
        epoch.push(bytes);
    }
}

/// Judges every disk that a power cut could have left, beginning with `base`, which is changed to what the boot ended with.
///
/// # Errors
/// When a file cannot be read or written. What does not hold is in the tally.
pub fn replay(recording: &Recording, base: &Path, memory: &Path) -> Result<Tally, JourneyError> {
    let base = std::fs::OpenOptions::new().read(true).write(true).open(base)?;
    let size = base.metadata()?.len();
    let empty = Overlay { base: &base, size, patches: Vec::new() };
    let mut state = State {
        data: Data::new(&empty, memory)?,
        verified: Verified::default(),
        tally: Tally::default(),
        seed: 0x9e37_79b9_7f4a_7c15,
    };
    let every = (recording.epochs.len() / LOOKS).max(1);
    for (number, epoch) in recording.epochs.iter().enumerate() {
        let writes = changing(&base, epoch)?;
        state.epoch(&base, size, number, &writes)?;
        let whole = Overlay { base: &base, size, patches: patches(&writes) };
        let special = writes.iter().any(|write| write.offset < DATA_START);
        state.verified.forget(&whole);
        for write in &writes {
            base.write_all_at(&write.bytes, write.offset)?;
        }
        state.data.apply(&whole)?;
        if special || number % every == 0 || number + 1 == recording.epochs.len() {
            let now = Overlay { base: &base, size, patches: Vec::new() };
            state.judge(&now, true, &|| format!("after flush {number}"));
        }
    }
    Ok(state.tally)
}

/// Those of an epoch that change something, as they come one after the other.
fn changing<'a>(base: &File, epoch: &'a [Bytes]) -> Result<Vec<&'a Bytes>, JourneyError> {
    let mut kept: Vec<&Bytes> = Vec::new();
    for write in epoch {
        let mut held = vec![0; write.bytes.len()];
        let below = Overlay { base, size: 0, patches: patches(&kept) };
        below.read(write.offset, &mut held)?;
        if held != write.bytes {
            kept.push(write);
        }
    }
    Ok(kept)
}

fn patches<'a>(writes: &[&'a Bytes]) -> Vec<Patch<'a>> {
    writes.iter().map(|write| Patch { offset: write.offset, bytes: &write.bytes }).collect()
}

struct State {
    data: Data,
    verified: Verified,
    tally: Tally,
    seed: u64,
}

impl State {
    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    /// Everything that can be left between two flushes.
    fn epoch(
        &mut self,
        base: &File,
        size: u64,
        number: usize,
        writes: &[&Bytes],
    ) -> Result<(), JourneyError> {
        let all = patches(writes);
        // These the drive kept for good before anything later was written.
        let forced: Vec<bool> = all.iter().map(|patch| self.data.is_forced(patch)).collect();
        let mixed = writes.iter().any(|one| one.offset < DATA_START)
            && writes.iter().any(|one| one.offset >= DATA_START);
        let mut looks = if mixed { NEAR } else { 0 };
        let mut judge = |state: &mut Self, patches: Vec<Patch<'_>>, what: &dyn Fn() -> String| {
            let overlay = Overlay { base, size, patches };
            state.judge(&overlay, looks > 0, what);
            looks = looks.saturating_sub(1);
        };
        // One write lost; first those that concern more than data.
        let mut lost: Vec<usize> = (0..all.len().saturating_sub(1)).filter(|index| !forced[*index]).collect();
        lost.sort_by_key(|index| all[*index].offset >= DATA_START);
        for index in lost {
            let mut rest = all.clone();
            rest.remove(index);
            judge(self, rest, &|| format!("epoch {number} without write {index}"));
        }
        for count in 1..=all.len() {
            judge(self, all[..count].to_vec(), &|| format!("epoch {number} up to write {count}"));
        }
        for (index, write) in all.iter().enumerate() {
            let sectors = write.bytes.len() as u64 / SECTOR;
            let step = (sectors / (u64::from(TEARS) + 1)).max(1);
            for tear in (1..sectors).step_by(usize::try_from(step).unwrap_or(1)).take(TEARS.into()) {
                let mut torn = all[..=index].to_vec();
                let kept = usize::try_from(tear * SECTOR).unwrap_or_default();
                torn[index].bytes = &write.bytes[..kept];
                judge(self, torn, &|| format!("epoch {number}, write {index} torn after {tear} sectors"));
            }
        }
        if all.len() > 2 {
            for _ in 0..SUBSETS {
                let chosen = all.iter().zip(&forced).filter(|(_, forced)| **forced || self.random() & 1 == 0);
                let chosen: Vec<Patch<'_>> = chosen.map(|(patch, _)| patch.clone()).collect();
                judge(self, chosen, &|| format!("epoch {number}, a random part"));
            }
        }
        Ok(())
    }

    fn judge(&mut self, overlay: &Overlay<'_>, look: bool, what: &dyn Fn() -> String) {
        self.tally.points += 1;
        let mut fail = |why: String| {
            if self.tally.failures.len() < 50 {
                self.tally.failures.push(format!("{}: {why}", what()));
            }
        };
        if let Err(why) = judge::boots(overlay, &mut self.verified) {
            fail(why);
        }
        if !look {
            return;
        }
        match self.data.look(overlay) {
            Ok(Some(notes)) => {
                self.tally.opened += 1;
                if let Err(why) = judge::agrees(overlay, &notes, &mut self.verified) {
                    fail(why);
                }
            }
            Ok(None) => {}
            Err(error) => fail(format!("the data partition does not open clean: {error}")),
        }
    }
}
