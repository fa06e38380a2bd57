//! Where an update is: one record, saved before anything is done about it. [`next`] is the table of what happens when.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tayberry_format::bundle::version::Version;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::update::reason::Reason;
use crate::update::speed::Speed;

/// Versions that did not stay are remembered, so many.
const REMEMBERED: usize = 8;

/// What an update leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The version.
    pub version: Version,
    /// Root hash of its system partition.
    pub root_hash: RootHash,
    /// The slot that takes it: not the one that runs.
    pub slot: Slot,
    /// Nothing is written: the slot holds the version already.
    #[serde(default)]
    pub back: bool,
    /// It is fetched from a repository: after a power cut the device goes on by itself.
    #[serde(default)]
    pub pulled: bool,
    /// What ran when it was accepted.
    #[serde(default)]
    pub from: Option<System>,
    /// How it takes the place of what runs; known once it is written.
    #[serde(default)]
    pub speed: Speed,
    /// The stack did its work when the restart was wanted: it must again. One that was ill before keeps nobody from updates.
    #[serde(default)]
    pub stack_worked: bool,
    /// When that was wanted, in seconds since 1970.
    #[serde(default)]
    pub wanted: i64,
}

/// How long services were away at the last updates, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// While the device restarted, until the new system was judged well.
    #[serde(default)]
    pub reboot: Option<u64>,
    /// During a live update, a service that is stopped before it is started anew.
    #[serde(default)]
    pub live: Option<u64>,
}

/// A system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Its version.
    pub version: Version,
    /// Root hash of its system partition.
    pub root_hash: RootHash,
}

/// Where it is, and what the agent is about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", content = "target", rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing is under way.
    Idle,
    /// The target is being fetched and written.
    Writing(Target),
    /// It is written, read back, and waits for the restart.
    Staged(Target),
    /// The firmware is told to try it once; then the restart.
    Armed(Target),
    /// It runs, on trial.
    Trial(Target),
    /// It was judged well and becomes the default slot.
    Committing(Target),
    /// It was judged badly; the restart leads back.
    GoingBack(Target, Reason),
}

/// How an update ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The version.
    pub version: Version,
    /// Why it did not stay; none if it did.
    pub why: Option<Reason>,
    /// It was fetched from a repository.
    #[serde(default)]
    pub pulled: bool,
    /// The last lines of the log before the end, if something was wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// A version that ran and did not stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its root hash.
    pub root_hash: RootHash,
    /// Why.
    pub why: Reason,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it is.
    pub phase: Phase,
    /// How the last one ended.
    pub last: Option<Outcome>,
    /// Versions that ran and did not stay, the newest last.
    #[serde(default)]
    pub failed: VecDeque<Failed>,
    /// What the other slot holds and ran before: the way back. None once that slot is written to.
    #[serde(default)]
    pub previous: Option<System>,
    /// How long services were away at the last updates.
    #[serde(default)]
    pub gaps: Gaps,
    /// What the log said when the update that is under way was judged badly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            phase: Phase::Idle,
            last: None,
            failed: VecDeque::new(),
            previous: None,
            gaps: Gaps::default(),
            log: Vec::new(),
        }
    }
}

/// What was seen when the agent started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The slot under `/`.
    pub running: Slot,
    /// The root hash under `/`.
    pub root_hash: RootHash,
    /// What a kernel said that stopped before this boot.
    pub crash: Option<Crash>,
}

/// A kernel's last words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// The line that says why.
    pub line: String,
    /// The last lines.
    pub log: Vec<String>,
}

/// What happens to an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A version was judged and may be written.
    Accepted(Target),
    /// The other slot holds what the owner wants back, and was verified.
    Verified(Target),
    /// It is written and read back.
    Written(Speed),
    /// The restart, or the live switch, is wanted.
    Restart {
        /// The stack does its work.
        stack_works: bool,
        /// The device is to restart, whatever is possible.
        reboot: bool,
    },
    /// Something failed before the restart.
    Failed(Reason),
    /// The agent started.
    Started(Seen),
    /// Every check passed.
    Healthy,
    /// A check failed; the last lines of the log.
    Unhealthy(Reason, Vec<String>),
    /// The default slot was changed and read back.
    Committed,
    /// After a live update services were stopped and started, and away for so many milliseconds.
    ServicesAway(u64),
}

/// An event that has no place there. Nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// One at a time.
    #[error("another update is under way")]
    Busy,
    /// There is none.
    #[error("no update is under way")]
    Nothing,
    /// It cannot be stopped any more.
    #[error("the restart has begun")]
    TooLate,
}

/// What the record becomes at `now`, in seconds since 1970.
///
/// # Errors
/// When the event has no place there.
pub fn next(record: &Record, event: Event, now: i64) -> Result<Record, Rejected> {
    use Phase::{Armed, Committing, GoingBack, Idle, Staged, Trial, Writing};
    let to = |phase: Phase| Ok(Record { phase, ..record.clone() });
    match (&record.phase, event) {
        (_, Event::Started(seen)) => Ok(started(record, &seen, now)),
        (Idle, Event::Accepted(target)) => {
            Ok(Record { phase: Writing(target), previous: None, ..record.clone() })
        }
        (Idle, Event::Verified(target)) => to(Staged(target)),
        (_, Event::Accepted(_) | Event::Verified(_)) => Err(Rejected::Busy),
        (Writing(target), Event::Written(speed)) => to(Staged(Target { speed, ..target.clone() })),
        (Staged(target), Event::Restart { stack_works, reboot }) => {
            let speed = if reboot { Speed::default() } else { target.speed.clone() };
            to(Armed(Target { stack_worked: stack_works, speed, wanted: now, ..target.clone() }))
        }
        (Writing(target) | Staged(target), Event::Failed(why)) => Ok(record.ended(target, Some(why), now)),
        // What was to be done about the restart was not done: the firmware knows of nothing.
        (Armed(target), Event::Failed(why @ (Reason::NotArmed { .. } | Reason::WouldNotBoot { .. }))) => {
            Ok(record.ended(target, Some(why), now))
        }
        (Trial(target), Event::Healthy) => to(Committing(target.clone())),
        (Trial(target), Event::Unhealthy(why, log)) => {
            Ok(Record { phase: GoingBack(target.clone(), why), log, ..record.clone() })
        }
        (Committing(target), Event::Committed) => Ok(record.ended(target, None, now)),
        (_, Event::ServicesAway(gap)) => {
            Ok(Record { gaps: Gaps { live: Some(gap), ..record.gaps }, ..record.clone() })
        }
        (Idle, _) => Err(Rejected::Nothing),
        (Armed(_) | Trial(_) | Committing(_) | GoingBack(..), _) => Err(Rejected::TooLate),
        (Writing(_) | Staged(_), _) => Err(Rejected::Busy),
    }
}

/// The agent started: what was under way is measured by what runs.
fn started(record: &Record, seen: &Seen, now: i64) -> Record {
    use Phase::{Armed, Committing, GoingBack, Idle, Staged, Trial, Writing};
    let runs = |target: &Target| target.slot == seen.running && target.root_hash == seen.root_hash;
    let to = |phase: Phase| Record { phase, ..record.clone() };
    let left = |target: &Target, otherwise: Reason| match seen.crash.clone() {
        Some(Crash { line, log }) => {
            Record { log, ..record.clone() }.ended(target, Some(Reason::Crashed { line }), now)
        }
        None => record.ended(target, Some(otherwise), now),
    };
    match &record.phase {
        // The initramfs may have gone back to it: then the other slot is not the way back any more.
        Idle => {
            let previous = record.previous.clone().filter(|system| system.root_hash != seen.root_hash);
            Record { previous, ..record.clone() }
        }
        Writing(target) => record.ended(target, Some(Reason::Interrupted), now),
        // What is to be tried runs already: somebody else restarted into it.
        Staged(target) if runs(target) => record.ended(target, None, now),
        Armed(target) | Trial(target) if runs(target) => to(Trial(target.clone())),
        Staged(_) => record.clone(),
        Committing(target) | GoingBack(target, _) if runs(target) => record.clone(),
        Armed(target) => left(target, Reason::DidNotComeUp),
        Trial(target) | Committing(target) => left(target, Reason::StoppedEarly),
        GoingBack(target, why) => record.ended(target, Some(why.clone()), now),
    }
}

impl Record {
    /// The record of an update that ended.
    fn ended(&self, target: &Target, why: Option<Reason>, now: i64) -> Self {
        let mut failed = self.failed.clone();
        failed.retain(|one| one.root_hash != target.root_hash);
        let against = match (&why, &target.from) {
            (Some(why), _) if self.ran(why) => Some(Failed { root_hash: target.root_hash, why: why.clone() }),
            // What the owner left must not come back by itself.
            (None, Some(from)) if target.back => {
                Some(Failed { root_hash: from.root_hash, why: Reason::Owner })
            }
            _ => None,
        };
        failed.extend(against);
        while failed.len() > REMEMBERED {
            failed.pop_front();
        }
        let restarted = why.is_none() && target.speed != Speed::Live && target.wanted > 0;
        let away = u64::try_from(now - target.wanted).unwrap_or_default().saturating_mul(1000);
        Self {
            phase: Phase::Idle,
            gaps: Gaps { reboot: if restarted { Some(away) } else { self.gaps.reboot }, ..self.gaps },
            previous: if why.is_none() { target.from.clone() } else { self.previous.clone() },
            last: Some(Outcome {
                at: now,
                version: target.version.clone(),
                why,
                pulled: target.pulled,
                log: self.log.clone(),
            }),
            failed,
            log: Vec::new(),
        }
    }

    /// The new system was started, or may have been: not where already the restart could not be asked for.
    fn ran(&self, why: &Reason) -> bool {
        match self.phase {
            Phase::Armed(_) => !matches!(why, Reason::NotArmed { .. } | Reason::WouldNotBoot { .. }),
            Phase::Trial(_) | Phase::Committing(_) | Phase::GoingBack(..) => true,
            Phase::Idle | Phase::Writing(_) | Phase::Staged(_) => false,
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
