//! A bundle in rescue: taken in pieces as ever, judged as ever but that it may be the version that is damaged, and written to the
//! slot that is not the default. What is written becomes the default by the owner's word: there is no system to go back to.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{Piece, UpdatePhase, Updates as Shown};
use tayberry_core::update::progress::Meter;
use tayberry_core::update::record::Target;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;
use tokio::sync::watch;

use crate::device::{clock, system};
use crate::loops::updates::problem;
use crate::update::job::{Context, Follower, JobError, Order, Source};
use crate::update::upload::{Feed, Shared, Upload};

/// How a job ended; none while it runs.
type Done = watch::Receiver<Option<Result<Slot, Problem>>>;

/// The updates of a device in rescue.
pub(super) struct Updates {
    disk: String,
    default: Slot,
    job: Mutex<Option<Job>>,
    /// Another slot is about to be started: nothing may be written.
    leaving: AtomicBool,
    shown: Arc<Mutex<Progress>>,
}

/// A bundle that is being received, or was.
struct Job {
    feed: Feed,
    shared: Arc<Shared>,
    done: Done,
}

/// What people see.
#[derive(Default)]
struct Progress {
    phase: Option<(UpdatePhase, Meter)>,
    target: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Follower for Mutex<Progress> {
    fn phase(&self, phase: UpdatePhase, bytes: u64) {
        lock(self).phase = Some((phase, Meter::new(bytes, clock::uptime())));
    }

    fn moved(&self, bytes: u64) {
        if let Some((_, meter)) = lock(self).phase.as_mut() {
            meter.reached(bytes, clock::uptime());
        }
    }

    fn accepted(&self, target: &Target) -> Result<(), String> {
        lock(self).target = Some(target.version.to_string());
        Ok(())
    }
}

impl Updates {
    pub(super) fn new(disk: String, default: Slot) -> Self {
        Self { disk, default, job: Mutex::default(), leaving: AtomicBool::new(false), shown: Arc::default() }
    }

    pub(super) fn look(&self) -> Shown {
        let job = lock(&self.job);
        let ended = job.as_ref().and_then(|job| job.done.borrow().clone());
        let runs = job.as_ref().filter(|_| ended.is_none());
        let shown = lock(&self.shown);
        let (phase, progress) = match (&shown.phase, &ended) {
            (Some((phase, meter)), None) => (*phase, Some(meter.progress(clock::uptime()))),
            (_, Some(Ok(_))) => (UpdatePhase::Staged, None),
            _ => (UpdatePhase::Idle, None),
        };
        Shown {
            version: system::version().to_owned(),
            slot: self.default.to_string(),
            phase,
            target: shown.target.clone().filter(|_| phase != UpdatePhase::Idle),
            progress: progress.filter(|progress| progress.total > 0),
            offset: runs.map(|job| job.shared.at()),
            plan: None,
            in_use: None,
            last: None,
            way_back: None,
            previous: None,
            repository: None,
            checked: None,
            problem: ended.and_then(Result::err).map(|problem| problem.detail.unwrap_or(problem.title)),
            available: None,
        }
    }

    /// Takes a piece of a bundle, and waits until it is used up or the install has ended.
    pub(super) async fn receive(&self, piece: Piece, file: File) -> Result<Shown, Problem> {
        let (shared, mut done) = self.feed(piece, file)?;
        tokio::select! {
            ended = done.wait_for(Option::is_some) => {
                if let Ok(Some(Err(problem))) = ended.map(|ended| ended.clone()) {
                    return Err(problem);
                }
            }
            () = shared.is_hungry() => {}
        }
        Ok(self.look())
    }

    /// Gives the piece to the job that waits for it, or begins one.
    fn feed(&self, piece: Piece, file: File) -> Result<(Arc<Shared>, Done), Problem> {
        let mut job = lock(&self.job);
        if let Some(job) = job.as_ref().filter(|job| job.done.borrow().is_none()) {
            job.feed.put(piece, file)?;
            return Ok((job.shared.clone(), job.done.clone()));
        }
        if self.leaving.load(Ordering::SeqCst) {
            return Err(Problem::new(Kind::UpdateBusy, "The device is about to start a system."));
        }
        let (upload, feed, shared) = Upload::begin(piece, file)?;
        let done = self.begin(upload, shared.clone());
        *job = Some(Job { feed, shared: shared.clone(), done: done.clone() });
        Ok((shared, done))
    }

    fn begin(&self, upload: Upload, shared: Arc<Shared>) -> Done {
        let (tell, done) = watch::channel(None);
        let order = Order {
            disk: self.disk.clone(),
            // Nothing runs from either slot. The default one is kept: another could be worse.
            running: self.default,
            // Of no version: the damaged one may be written again.
            root_hash: RootHash([0; 32]),
            failed: Vec::new(),
            again: true,
        };
        let (follower, runtime) = (self.shown.clone(), tokio::runtime::Handle::current());
        *lock(&self.shown) = Progress::default();
        std::thread::spawn(move || {
            let context = Context { order: &order, shared: &shared, runtime: &runtime, follower: &*follower };
            let written: Result<Target, JobError> = context.install(Source::Upload(upload));
            tell.send_replace(Some(written.map(|target| target.slot).map_err(|error| problem(&error))));
        });
        done
    }

    /// Stops the bundle that is being received, or forgets the one that was.
    pub(super) async fn cancel(&self) -> Result<Shown, Problem> {
        let nothing = || Problem::new(Kind::UpdateBusy, "No update is under way.");
        let (shared, mut done) = {
            let job = lock(&self.job);
            let job = job.as_ref().ok_or_else(nothing)?;
            (job.shared.clone(), job.done.clone())
        };
        shared.cancel();
        drop(done.wait_for(Option::is_some).await);
        let mut job = lock(&self.job);
        // Somebody may have begun another one meanwhile.
        if job.as_ref().is_some_and(|job| Arc::ptr_eq(&job.shared, &shared)) {
            *job = None;
            *lock(&self.shown) = Progress::default();
        }
        drop(job);
        Ok(self.look())
    }

    /// Keeps bundles out while a system is started; `stay` lets them in again.
    pub(super) fn leave(&self) -> Result<(), Problem> {
        let job = lock(&self.job);
        if let Some(job) = job.as_ref().filter(|job| job.done.borrow().is_none()) {
            return Err(job.feed.busy());
        }
        // Under the lock of the job: none begins between the look and this. Only who set it lets bundles in again.
        if self.leaving.swap(true, Ordering::SeqCst) {
            return Err(Problem::new(Kind::UpdateBusy, "The device is about to start a system."));
        }
        Ok(())
    }

    /// The system was not started.
    pub(super) fn stay(&self) {
        self.leaving.store(false, Ordering::SeqCst);
    }

    /// The slot that was written and waits for its start.
    pub(super) fn staged(&self) -> Result<Slot, Problem> {
        let job = lock(&self.job);
        let ended = job.as_ref().and_then(|job| job.done.borrow().clone());
        ended
            .and_then(Result::ok)
            .ok_or_else(|| Problem::new(Kind::UpdateBusy, "No update waits for its start."))
    }
}
