//! What must hold of every disk that a power cut can leave.

use tayberry::inspect::slots::default_slot;
use tayberry_core::update::record::Phase;
use tayberry_firmware::{Board, Medium, ResetState};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{self, RootHash};
use tayberry_format::{cmdline, layout};

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
    let start = layout::system(slot).start;
    let window = |from, to| Ok(overlay.window(start + from, start + to));
    verity::verify_partition(window, wanted).map(drop).map_err(|error| error.to_string())
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
