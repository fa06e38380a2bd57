//! Four facts about slots, kept apart, and the one state that is shown to people (DESIGN section 3): what runs, what the
//! firmware booted, what it will boot next, and what the agent intends.

use serde::{Deserialize, Serialize};
use tayberry_format::slot::Slot;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The slot whose system partition is mounted at `/`.
    pub running: Slot,
    /// The slot whose boot partition the firmware used; none when it did not say.
    pub firmware_booted: Option<Slot>,
    /// The firmware booted with the try-once flag.
    pub try_once: bool,
    /// The default slot; none when `autoboot.txt` names none.
    pub default: Option<Slot>,
}

impl Facts {
    /// The firmware was told to try the slot that runs.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.try_once && self.firmware_booted == Some(self.running)
    }
}

/// The state shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The running slot is the default slot.
    Committed,
    /// A try-once boot that was not judged yet.
    Trial,
    /// The firmware will boot another slot next, though this is no trial.
    RebootChangesSlot,
    /// `autoboot.txt` names no slot: the firmware will take the first boot partition.
    NoDefault,
}

impl State {
    /// Derives the state from what was seen, never from the last command.
    #[must_use]
    pub fn derive(facts: Facts) -> Self {
        match facts.default {
            Some(default) if default == facts.running => Self::Committed,
            _ if facts.is_trial() => Self::Trial,
            Some(_) => Self::RebootChangesSlot,
            None => Self::NoDefault,
        }
    }

    /// The word for it in logs, the API and `tayberryctl`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Trial => "trial",
            Self::RebootChangesSlot => "reboot changes slot",
            Self::NoDefault => "no default slot",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_derived_from_facts() {
        use Slot::{A, B};
        let rows = [
            ("settled", A, Some(A), false, Some(A), State::Committed),
            ("trial", B, Some(B), true, Some(A), State::Trial),
            ("trial, judged well", B, Some(B), true, Some(B), State::Committed),
            ("switched live, not yet committed", B, Some(A), false, Some(A), State::RebootChangesSlot),
            (
                "the flag of an earlier boot does not make a live switch a trial",
                B,
                Some(A),
                true,
                Some(A),
                State::RebootChangesSlot,
            ),
            ("autoboot.txt is gone", A, Some(A), false, None, State::NoDefault),
            ("an old firmware that says nothing", A, None, false, Some(A), State::Committed),
        ];
        for (name, running, firmware_booted, try_once, default, state) in rows {
            assert_eq!(State::derive(Facts { running, firmware_booted, try_once, default }), state, "{name}");
        }
    }
}
