//! What is done about `autoboot.txt` when the agent starts: the file is one sector, but a card can lose it, and people edit it.
//! Where it lies and how it is written is left to the agent.

use tayberry_format::slot::Slot;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The file as Tayberry writes it.
    Ours(Slot),
    /// A file of somebody else's that names a slot.
    Edited(Slot),
    /// Nothing that names a slot: the firmware takes the first boot partition, whichever was committed (measured: a missing,
    /// an empty and a damaged file are alike).
    Damaged,
}

/// The journaled copy on the data partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// The slot that was committed last.
    pub slot: Slot,
    /// The firmware would start it, and its system partition is whole. Asked only when the file is damaged.
    pub boots: bool,
}

impl Found {
    /// What it amounts to, where the firmware would start `default`: a file that names a slot which does not start is no choice
    /// of anybody's.
    #[must_use]
    pub fn beside(self, default: Option<Slot>) -> Self {
        match self {
            Self::Edited(slot) if default != Some(slot) => Self::Damaged,
            found => found,
        }
    }
}

/// All that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The file.
    pub found: Found,
    /// The slot that runs.
    pub running: Slot,
    /// It runs on trial.
    pub trial: bool,
    /// The copy; none on a device that never had one.
    pub journal: Option<Journal>,
}

/// What is done, in this order. All of it can be done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repair {
    /// Write the file with this default slot.
    pub write: Option<Slot>,
    /// Write the copy.
    pub journal: Option<Slot>,
    /// Restart into the default slot: the one that runs was not committed, the firmware only found it first.
    pub restart: bool,
}

/// Decides. A slot that runs and was committed stays so; what a person wrote wins over the copy.
#[must_use]
pub fn decide(seen: Seen) -> Repair {
    let copy = |slot| Some(slot).filter(|slot| seen.journal.is_none_or(|journal| journal.slot != *slot));
    let written = |slot| Repair {
        write: Some(slot),
        journal: copy(slot),
        restart: slot != seen.running && !seen.trial,
    };
    match (seen.found, seen.journal) {
        (Found::Ours(slot), _) => Repair { journal: copy(slot), ..Repair::default() },
        // The same in our shape: without [tryboot] there would be no more updates.
        (Found::Edited(slot), _) if slot == seen.running && !seen.trial => written(slot),
        (Found::Edited(_), _) => Repair::default(),
        (Found::Damaged, Some(journal)) if journal.boots => written(journal.slot),
        // A trial begins from the slot that was committed.
        (Found::Damaged, None) if seen.trial => written(seen.running.other()),
        (Found::Damaged, _) => written(seen.running),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Seen> {
        let files = Slot::ALL.into_iter().flat_map(|slot| [Found::Ours(slot), Found::Edited(slot)]);
        let files = files.chain([Found::Damaged]);
        files.flat_map(|found| {
            Slot::ALL.into_iter().flat_map(move |running| {
                [false, true].into_iter().flat_map(move |trial| {
                    let copies = Slot::ALL
                        .into_iter()
                        .flat_map(|slot| [true, false].map(|boots| Some(Journal { slot, boots })));
                    copies.chain([None]).map(move |journal| Seen { found, running, trial, journal })
                })
            })
        })
    }

    #[test]
    fn the_table() {
        use Slot::{A, B};
        let copy = |slot, boots| Some(Journal { slot, boots });
        let seen = |found, running, trial, journal| Seen { found, running, trial, journal };
        let nothing = Repair::default();
        let write = |slot| Repair { write: Some(slot), ..nothing };
        let rows = [
            ("settled", seen(Found::Ours(A), A, false, copy(A, true)), nothing),
            ("the first start", seen(Found::Ours(A), A, false, None), Repair { journal: Some(A), ..nothing }),
            (
                "the power failed before the copy",
                seen(Found::Ours(B), B, false, copy(A, true)),
                Repair { journal: Some(B), ..nothing },
            ),
            ("a trial", seen(Found::Ours(A), B, true, copy(A, true)), nothing),
            (
                "a person chose what runs",
                seen(Found::Edited(A), A, false, copy(B, true)),
                Repair { journal: Some(A), ..write(A) },
            ),
            ("a person chose what runs next", seen(Found::Edited(B), A, false, copy(A, true)), nothing),
            ("gone, and the right slot runs", seen(Found::Damaged, B, false, copy(B, true)), write(B)),
            (
                "gone, and the firmware took the first",
                seen(Found::Damaged, A, false, copy(B, true)),
                Repair { restart: true, ..write(B) },
            ),
            (
                "gone, and the committed slot is broken",
                seen(Found::Damaged, A, false, copy(B, false)),
                Repair { journal: Some(A), ..write(A) },
            ),
            ("gone on trial", seen(Found::Damaged, B, true, copy(A, true)), write(A)),
            (
                "gone on trial, without a copy",
                seen(Found::Damaged, B, true, None),
                Repair { journal: Some(A), ..write(A) },
            ),
        ];
        for (name, seen, wanted) in rows {
            assert_eq!(decide(seen), wanted, "{name}");
        }
    }

    #[test]
    fn a_choice_that_does_not_start_is_none() {
        use Slot::{A, B};
        for (found, default, wanted) in [
            (Found::Edited(B), Some(B), Found::Edited(B)),
            (Found::Edited(B), Some(A), Found::Damaged),
            (Found::Edited(B), None, Found::Damaged),
            (Found::Ours(B), Some(A), Found::Ours(B)),
            (Found::Damaged, Some(A), Found::Damaged),
        ] {
            assert_eq!(found.beside(default), wanted, "{found:?} {default:?}");
        }
    }

    #[test]
    fn a_second_repair_has_nothing_to_do() {
        for seen in all() {
            let first = decide(seen);
            let running = if first.restart { first.write.unwrap_or(seen.running) } else { seen.running };
            let found = first.write.map_or(seen.found, Found::Ours);
            let journal = first.journal.map(|slot| Journal { slot, boots: true }).or(seen.journal);
            assert_eq!(decide(Seen { found, running, journal, ..seen }), Repair::default(), "{seen:?}");
        }
    }

    #[test]
    fn what_runs_and_is_committed_stays_so() {
        for seen in all().filter(|seen| !seen.trial) {
            let committed = match seen.found {
                Found::Ours(slot) | Found::Edited(slot) => Some(slot),
                Found::Damaged => seen.journal.map(|journal| journal.slot),
            };
            if committed == Some(seen.running) {
                let repair = decide(seen);
                assert!(repair.write.is_none_or(|slot| slot == seen.running), "{seen:?}");
                assert!(!repair.restart, "{seen:?}");
            }
        }
    }
}
