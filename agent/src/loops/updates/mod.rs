//! Updates while the agent runs: takes bundles in or fetches them, keeps the record, restarts into what was written, and sees a
//! trial to its end. What follows from what is decided in `tayberry_core::update`.

mod alone;
mod back;
mod evidence;
mod gate;
mod pull;
mod receive;
mod release;
pub mod repair;
mod restart;
mod switch;
mod tell;
mod trial;
mod work;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{Available, LastUpdate, UpdatePhase, UpdatePlan, Updates};
use tayberry_core::update::progress::Meter;
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{self, Event, Phase, Record};
use tayberry_core::update::speed::Speed;
use tayberry_format::boot_report::BootReport;
use tayberry_format::slot::Slot;
use tokio::sync::watch;

use crate::device::{clock, system, whole_file};
use crate::keeper::Keeper;
use crate::loops::stack;
pub use restart::restart_now;
pub use tell::tell;
use work::Work;
pub(crate) use work::problem;

/// The record.
const FILE: &str = "/var/lib/tayberry/updates.json";

/// The updates; clones share them.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    report: BootReport,
    running: Slot,
    bus: zbus::Connection,
    keeper: Keeper,
    stack: stack::Handle,
    record: Mutex<Record>,
    work: Mutex<Option<Work>>,
    /// What the job does at the moment.
    shown: Mutex<Option<(UpdatePhase, Meter)>>,
    asked: Mutex<Asked>,
    /// How the system that ran before would take the place of what runs.
    way_back: Mutex<Option<Speed>>,
    changed: watch::Sender<()>,
}

/// What the repository said last.
#[derive(Debug, Clone, Default)]
struct Asked {
    /// When, in seconds since 1970, and since the kernel started.
    at: Option<(i64, Duration)>,
    available: Option<Available>,
    /// How that would take the place of what runs.
    speed: Option<Speed>,
    problem: Option<String>,
}

/// A record that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The event has no place there.
    #[error(transparent)]
    Rejected(#[from] record::Rejected),
    /// The file.
    #[error("{FILE}: {0}")]
    Io(#[from] std::io::Error),
    /// The record as JSON.
    #[error("{FILE}: {0}")]
    Json(#[from] serde_json::Error),
}

/// Opens the record and measures it by what runs.
///
/// # Errors
/// When it cannot be read or written.
pub fn open(
    report: BootReport,
    running: Slot,
    bus: zbus::Connection,
    keeper: Keeper,
    stack: stack::Handle,
) -> Result<Handle, RecordError> {
    let record = match std::fs::read(FILE) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            // A trial that nobody remembers goes back; nothing else hangs on it.
            tracing::error!("{FILE} is damaged ({error}); a new one is begun");
            Record::default()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(error.into()),
    };
    let seen = record::Seen { running, root_hash: report.root_hash, crash: evidence::new_crash() };
    let inner = Inner {
        report,
        running,
        bus,
        keeper,
        stack,
        record: Mutex::new(record),
        work: Mutex::default(),
        shown: Mutex::default(),
        asked: Mutex::default(),
        way_back: Mutex::default(),
        changed: watch::Sender::new(()),
    };
    let handle = Handle(Arc::new(inner));
    // A disk that takes nothing must not keep the agent from starting: the same is found out at the next start.
    if let Err(error) = handle.advance(Event::Started(seen.clone())) {
        tracing::error!("{error}");
        let mut record = lock(&handle.0.record);
        *record = record::next(&record, Event::Started(seen), clock::now())?;
    }
    // Services go on from the system before, until this one is judged; and those of one that is left are not replaced by its own.
    let phase = handle.phase();
    let is_on_trial =
        matches!(&phase, Phase::Trial(target) | Phase::GoingBack(target, _) if target.speed == Speed::Live);
    if is_on_trial || switch::began().is_some() && handle.is_not_default() {
        handle.0.stack.rest(true);
    }
    Ok(handle)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handle {
    /// Moves the record on: it is on the disk before this returns.
    fn advance(&self, event: Event) -> Result<(), RecordError> {
        let mut record = lock(&self.0.record);
        let next = record::next(&record, event, clock::now())?;
        if next != *record {
            tracing::info!("update: {:?}", next.phase);
            whole_file::replace(&PathBuf::from(FILE), &serde_json::to_vec_pretty(&next)?)?;
            *record = next;
            self.0.changed.send_replace(());
        }
        Ok(())
    }

    fn phase(&self) -> Phase {
        lock(&self.0.record).phase.clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// What people see.
    #[must_use]
    pub fn look(&self) -> Updates {
        let record = lock(&self.0.record).clone();
        let (phase, target) = match &record.phase {
            Phase::Idle => (UpdatePhase::Idle, None),
            Phase::Writing(target) => (UpdatePhase::Writing, Some(target)),
            Phase::Staged(target) => (UpdatePhase::Staged, Some(target)),
            Phase::Armed(target) => (UpdatePhase::Restarting, Some(target)),
            Phase::Trial(target) => (UpdatePhase::Trial, Some(target)),
            Phase::Committing(target) => (UpdatePhase::Committing, Some(target)),
            Phase::GoingBack(target, _) => (UpdatePhase::GoingBack, Some(target)),
        };
        let shown = lock(&self.0.shown).clone();
        let progress = shown.as_ref().map(|(_, meter)| meter.progress(clock::uptime()));
        let asked = lock(&self.0.asked).clone();
        let plan = asked.speed.map(|speed| self.plan(&speed, &record));
        let available = asked.available.map(|available| Available { plan, ..available });
        let way_back = lock(&self.0.way_back).clone().filter(|_| record.previous.is_some());
        let way_back = way_back.map(|speed| self.plan(&speed, &record));
        Updates {
            version: system::version().to_owned(),
            slot: self.0.running.to_string(),
            phase: shown.map_or(phase, |(phase, _)| phase),
            target: target.map(|target| target.version.to_string()),
            progress: progress.filter(|progress| progress.total > 0),
            offset: self.offset(),
            plan: match &record.phase {
                Phase::Staged(target) => Some(self.plan(&target.speed, &record)),
                _ => None,
            },
            way_back,
            in_use: self.other_slot_is_used(),
            last: record.last.map(|last| LastUpdate {
                at: last.at,
                version: last.version.to_string(),
                stayed: last.why.is_none(),
                sentence: last.why.as_ref().map_or_else(
                    || format!("{} was installed.", last.version),
                    |why| format!("Stayed on {}. {}", system::version(), why.sentence()),
                ),
                log: last.log,
            }),
            previous: record.previous.map(|system| system.version.to_string()),
            repository: self.repository().map(String::from),
            checked: asked.at.map(|(at, _)| at),
            problem: asked.problem,
            available,
        }
    }

    /// What it takes for a version to run.
    fn plan(&self, speed: &Speed, record: &Record) -> UpdatePlan {
        let (live, why, gap) = match speed {
            Speed::Live => (true, Vec::new(), record.gaps.live),
            Speed::Reboot { why } => (false, why.clone(), record.gaps.reboot),
        };
        let gap_seconds = gap.map(|gap| Duration::from_millis(gap).as_secs_f64());
        UpdatePlan { live, why, services: self.0.stack.under_another_system(live), gap_seconds }
    }

    /// Stops what is under way.
    ///
    /// # Errors
    /// When there is nothing, or the restart has begun.
    pub async fn cancel(&self) -> Result<Updates, Problem> {
        let running = lock(&self.0.work).as_ref().and_then(Work::cancel);
        match running {
            Some(mut done) => drop(done.wait_for(Option::is_some).await),
            None => self.advance(Event::Failed(Reason::Cancelled)).map_err(|error| busy(&error))?,
        }
        Ok(self.look())
    }
}

fn busy(error: &RecordError) -> Problem {
    Problem::new(Kind::UpdateBusy, sentence(&error.to_string()))
}

/// Words of an error as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let text: String = first.chain(letters).collect();
    if text.ends_with('.') { text } else { text + "." }
}
