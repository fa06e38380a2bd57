//! What must hold of every disk that a power cut can leave.

use std::io::{self, Read};

use tayberry_core::update::record::Phase;
use tayberry_firmware::{Board, Medium, ResetState};
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{self, BLOCK, Header, RootHash, hash_blocks};
use tayberry_format::{autoboot, cmdline};

use super::data::Notes;
use super::overlay::Overlay;

/// What was verified of the disk below, so that it is not read thousands of times.
#[derive(Default)]
pub struct Verified([Option<RootHash>; 2]);

impl Verified {
    fn place(&mut self, slot: Slot) -> &mut Option<RootHash> {
        &mut self.0[usize::from(slot == Slot::B)]
    }

    /// Forgets what `overlay` changes.
    pub fn forget(&mut self, overlay: &Overlay<'_>) {
        for slot in Slot::ALL {
            if touches(overlay, slot) {
                *self.place(slot) = None;
            }
        }
    }

    /// Whether the system partition of `slot` is whole.
    fn look(&mut self, overlay: &Overlay<'_>, slot: Slot, wanted: RootHash) -> Result<(), String> {
        let touched = touches(overlay, slot);
        if !touched && *self.place(slot) == Some(wanted) {
            return Ok(());
        }
        whole(overlay, slot, wanted).map_err(|error| format!("slot {slot}: {error}"))?;
        if !touched {
            *self.place(slot) = Some(wanted);
        }
        Ok(())
    }
}

fn touches(overlay: &Overlay<'_>, slot: Slot) -> bool {
    let place = layout::system(slot);
    overlay.touches(place.start, place.start + place.bytes)
}

fn whole(overlay: &Overlay<'_>, slot: Slot, wanted: RootHash) -> Result<(), String> {
    let (start, block) = (layout::system(slot).start, BLOCK as u64);
    let area = |bytes: u64| -> io::Result<Vec<u8>> {
        let mut area = Vec::new();
        overlay.window(start + HASH_OFFSET, start + HASH_OFFSET + bytes).read_to_end(&mut area)?;
        Ok(area)
    };
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let head = area(block).map_err(|error| words(&error))?;
    let head = head.first_chunk::<BLOCK>().ok_or("no hash tree")?;
    let blocks = Header::decode(head).map_err(|error| words(&error))?.data_blocks;
    let tree = area(block * (1 + hash_blocks(blocks))).map_err(|error| words(&error))?;
    let data = overlay.window(start, start + blocks * block);
    verity::verify(data, &tree, wanted).map(drop).map_err(|error| words(&error))
}

fn board() -> Board {
    Board { medium: Medium::Nvme, ..Board::default() }
}

/// The slot that starts after the power comes back: it must be whole.
///
/// # Errors
/// With a sentence.
pub fn boots(overlay: &Overlay<'_>, verified: &mut Verified) -> Result<Slot, String> {
    let boot = tayberry_firmware::boot(overlay, &board(), &ResetState::default());
    let boot = boot.map_err(|error| error.to_string())?;
    let slot = boot.slot().ok_or("no slot of ours starts")?;
    if let [missing, ..] = &boot.missing[..] {
        return Err(format!("slot {slot} starts without {missing}"));
    }
    let root_hash = cmdline::root_hash(&boot.cmdline).map_err(|error| error.to_string())?;
    verified.look(overlay, slot, root_hash)?;
    Ok(slot)
}

/// The default slot that `autoboot.txt` names, if it is as we write it.
#[must_use]
pub fn default_slot(overlay: &Overlay<'_>) -> Option<Slot> {
    let number = layout::CONFIG.number;
    let text = tayberry_firmware::read(overlay, number, autoboot::FILE, autoboot::BYTES as u64).ok()?;
    autoboot::default_slot(&text)
}

/// What the agent has on record agrees with the disk: the default slot is the one that was committed, or the one that the
/// agent was about to commit; what is called ready is whole.
///
/// # Errors
/// With a sentence.
pub fn agrees(overlay: &Overlay<'_>, notes: &Notes, verified: &mut Verified) -> Result<(), String> {
    let phase = notes.record.as_ref().map(|record| &record.phase);
    if let (Some(default), Some(copy)) = (default_slot(overlay), notes.copy) {
        let intended = matches!(phase, Some(Phase::Committing(target)) if target.slot == default);
        if default != copy && !intended {
            return Err(format!("slot {default} is the default, and slot {copy} was committed ({phase:?})"));
        }
    }
    match phase {
        Some(Phase::Staged(target) | Phase::Armed(target) | Phase::Committing(target)) => {
            verified.look(overlay, target.slot, target.root_hash)
        }
        _ => Ok(()),
    }
}
