//! Updates while the agent runs: takes bundles in, keeps the record, restarts into what was written, and sees a trial to its
//! end. What follows from what is decided in `tayberry_core::update`.

mod gate;
mod restart;
mod trial;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{LastUpdate, Piece, UpdatePhase, Updates};
use tayberry_core::update::progress::Meter;
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{self, Event, Phase, Record, Target};
use tayberry_format::boot_report::BootReport;
use tayberry_format::slot::Slot;
use tokio::sync::watch;

use crate::device::{clock, system, whole_file};
use crate::update::job::{self, Follower, JobError, Order};
use crate::update::upload::{Feed, Shared, Upload};

/// The record.
const FILE: &str = "/var/lib/tayberry/updates.json";

/// The updates; clones share them.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    report: BootReport,
    running: Slot,
    bus: zbus::Connection,
    record: Mutex<Record>,
    work: Mutex<Option<Work>>,
    /// What the job does at the moment.
    shown: Mutex<Option<(UpdatePhase, Meter)>>,
}

/// How a job ended; none while it runs.
type Done = watch::Receiver<Option<Result<(), Problem>>>;

/// A job that runs, or ran last.
struct Work {
    feed: Feed,
    shared: Arc<Shared>,
    done: Done,
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
pub fn open(report: BootReport, running: Slot, bus: zbus::Connection) -> Result<Handle, RecordError> {
    let record = match std::fs::read(FILE) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            // A trial that nobody remembers goes back; nothing else hangs on it.
            tracing::error!("{FILE} is damaged ({error}); a new one is begun");
            Record::default()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(error.into()),
    };
    let seen = record::Seen { running, root_hash: report.root_hash, crash: None };
    let inner = Inner {
        report,
        running,
        bus,
        record: Mutex::new(record),
        work: Mutex::default(),
        shown: Mutex::default(),
    };
    let handle = Handle(Arc::new(inner));
    // A disk that takes nothing must not keep the agent from starting: the same is found out at the next start.
    if let Err(error) = handle.advance(Event::Started(seen.clone())) {
        tracing::error!("{error}");
        let mut record = lock(&handle.0.record);
        *record = record::next(&record, Event::Started(seen), clock::now())?;
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
        }
        Ok(())
    }

    fn phase(&self) -> Phase {
        lock(&self.0.record).phase.clone()
    }

    /// What people see.
    #[must_use]
    pub fn look(&self) -> Updates {
        let record = lock(&self.0.record).clone();
        let (phase, target) = match record.phase {
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
        let offset = lock(&self.0.work).as_ref().filter(|_| shown.is_some()).map(|work| work.shared.at());
        Updates {
            version: system::version().to_owned(),
            slot: self.0.running.to_string(),
            phase: shown.map_or(phase, |(phase, _)| phase),
            target: target.map(|target| target.version.to_string()),
            progress: progress.filter(|progress| progress.total > 0),
            offset,
            last: record.last.map(|last| LastUpdate {
                at: last.at,
                version: last.version.to_string(),
                stayed: last.why.is_none(),
                sentence: last.why.as_ref().map_or_else(
                    || format!("{} was installed.", last.version),
                    |why| format!("Stayed on {}. {}", system::version(), why.sentence()),
                ),
            }),
        }
    }

    /// Takes a piece of a bundle, and waits until it is used up or the install has ended.
    ///
    /// # Errors
    /// When another update is under way, or this one is refused or fails.
    pub async fn receive(&self, piece: Piece, file: File) -> Result<Updates, Problem> {
        let (shared, mut done) = self.feed(piece, file)?;
        tokio::select! {
            ended = done.wait_for(Option::is_some) => match ended.map(|ended| ended.clone()) {
                Ok(Some(Err(problem))) => Err(problem),
                _ => Ok(self.look()),
            },
            () = shared.is_hungry() => Ok(self.look()),
        }
    }

    /// Gives the piece to the job that waits for it, or begins one.
    fn feed(&self, piece: Piece, file: File) -> Result<(Arc<Shared>, Done), Problem> {
        let mut work = lock(&self.0.work);
        if let Some(work) = work.as_ref().filter(|work| work.done.borrow().is_none()) {
            let at = work.shared.at();
            let busy = || {
                let detail = format!(
                    "A bundle is being received. If it broke off, go on with it at byte {at}, or cancel it."
                );
                Problem::new(Kind::UpdateBusy, detail)
            };
            if piece.offset != at {
                let detail = format!("The upload goes on at byte {at}.");
                return Err(if piece.offset == 0 { busy() } else { Problem::new(Kind::WrongOffset, detail) });
            }
            if !work.shared.claim() || work.feed.send(file).is_err() {
                return Err(busy());
            }
            return Ok((work.shared.clone(), work.done.clone()));
        }
        if self.phase() != Phase::Idle {
            return Err(Problem::new(
                Kind::UpdateBusy,
                "An update waits for its restart: restart, or cancel it first.",
            ));
        }
        if piece.offset != 0 {
            return Err(Problem::new(Kind::WrongOffset, "The upload goes on at byte 0."));
        }
        let begun = self.begin(piece, file);
        let answer = (begun.shared.clone(), begun.done.clone());
        *work = Some(begun);
        Ok(answer)
    }

    /// Begins a job on a thread of its own.
    fn begin(&self, piece: Piece, file: File) -> Work {
        let (upload, feed, shared) = Upload::new(piece.bytes);
        // The reader waits on the other end, and the first piece is the first in the queue.
        if shared.claim() && feed.send(file).is_err() {
            shared.cancel();
        }
        let (tell, done) = watch::channel(None);
        let order = Order {
            upload,
            disk: self.0.report.disk.clone(),
            running: self.0.running,
            root_hash: self.0.report.root_hash,
            failed: lock(&self.0.record).failed.iter().cloned().collect(),
            again: piece.again,
        };
        let (handle, watched) = (self.clone(), shared.clone());
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            let result = job::run(order, &watched, &runtime, &handle);
            let result = handle.ended(result);
            *lock(&handle.0.shown) = None;
            tell.send_replace(Some(result));
        });
        Work { feed, shared, done }
    }

    /// Puts the end of a job on record.
    fn ended(&self, result: Result<Target, JobError>) -> Result<(), Problem> {
        let (event, answer) = match result {
            Ok(_) => (Some(Event::Written), Ok(())),
            Err(error) => {
                tracing::warn!("update: {error}");
                let kind = match &error {
                    JobError::Failed(_) | JobError::State(_) => Kind::UpdateFailed,
                    _ => Kind::UpdateRefused,
                };
                let answer = Err(Problem::new(kind, sentence(&error.to_string())));
                (error.reason().cloned().map(Event::Failed), answer)
            }
        };
        if let Some(event) = event {
            self.advance(event).map_err(|error| Problem::new(Kind::UpdateFailed, error.to_string()))?;
        }
        answer
    }

    /// Stops what is under way.
    ///
    /// # Errors
    /// When there is nothing, or the restart has begun.
    pub async fn cancel(&self) -> Result<Updates, Problem> {
        let running = lock(&self.0.work).as_ref().filter(|work| work.done.borrow().is_none()).map(|work| {
            work.shared.cancel();
            work.done.clone()
        });
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

impl Follower for Handle {
    fn phase(&self, phase: UpdatePhase, bytes: u64) {
        *lock(&self.0.shown) = Some((phase, Meter::new(bytes, clock::uptime())));
    }

    fn moved(&self, bytes: u64) {
        if let Some((_, meter)) = lock(&self.0.shown).as_mut() {
            meter.reached(bytes, clock::uptime());
        }
    }

    fn accepted(&self, target: &Target) -> Result<(), String> {
        self.advance(Event::Accepted(target.clone())).map_err(|error| error.to_string())
    }
}
