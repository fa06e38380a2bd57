//! One job at a time, on a thread of its own: who may begin it, what it does at the moment, and how it ended.

use std::sync::Arc;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{UpdatePhase, Updates};
use tayberry_core::update::progress::Meter;
use tayberry_core::update::record::{Event, Phase, Target};
use tokio::sync::watch;

use super::{Handle, lock, sentence};
use crate::device::clock;
use crate::update::job::{Context, Follower, JobError, Order};
use crate::update::upload::{Feed, Shared};

/// How a job ended; none while it runs.
pub(super) type Done = watch::Receiver<Option<Result<(), Problem>>>;

/// A job that runs, or ran last.
pub(super) struct Work {
    /// Takes pieces of a bundle; none if the job needs no bundle.
    pub(super) feed: Option<Feed>,
    pub(super) shared: Arc<Shared>,
    pub(super) done: Done,
}

impl Work {
    pub(super) fn runs(&self) -> bool {
        self.done.borrow().is_none()
    }

    /// What somebody is told who wants another.
    pub(super) fn busy(&self) -> Problem {
        let under_way =
            || Problem::new(Kind::UpdateBusy, "Another update is under way: wait for its end, or cancel it.");
        self.feed.as_ref().map_or_else(under_way, Feed::busy)
    }

    /// Stops it; none if it has ended.
    pub(super) fn cancel(&self) -> Option<Done> {
        self.runs().then(|| {
            self.shared.cancel();
            self.done.clone()
        })
    }
}

impl Handle {
    /// The byte that an upload goes on with.
    pub(super) fn offset(&self) -> Option<u64> {
        let work = lock(&self.0.work);
        work.as_ref().filter(|work| work.runs() && work.feed.is_some()).map(|work| work.shared.at())
    }

    /// Begins a job that only reads, unless one runs or an update waits for its restart.
    pub(super) fn begin<T>(
        &self,
        again: bool,
        job: impl FnOnce(&Context<'_>) -> Result<T, JobError> + Send + 'static,
        end: impl FnOnce(&Handle, Result<T, JobError>) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Done, Problem> {
        let mut work = lock(&self.0.work);
        if let Some(work) = work.as_ref().filter(|work| work.runs()) {
            return Err(work.busy());
        }
        let begun = self.spawn(None, Shared::new(false), again, job, end)?;
        let done = begun.done.clone();
        *work = Some(begun);
        Ok(done)
    }

    /// The same of a job that writes to the other slot: nothing may use it.
    pub(super) fn begin_writing<T>(
        &self,
        again: bool,
        job: impl FnOnce(&Context<'_>) -> Result<T, JobError> + Send + 'static,
        end: impl FnOnce(&Handle, Result<T, JobError>) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Done, Problem> {
        self.may_write()?;
        self.begin(again, job, end)
    }

    /// That nothing uses the other slot.
    pub(super) fn may_write(&self) -> Result<(), Problem> {
        self.other_slot_is_used().map_or(Ok(()), |why| Err(Problem::new(Kind::UpdateBusy, why)))
    }

    /// Begins a job without looking whether one runs.
    pub(super) fn spawn<T>(
        &self,
        feed: Option<Feed>,
        shared: Arc<Shared>,
        again: bool,
        job: impl FnOnce(&Context<'_>) -> Result<T, JobError> + Send + 'static,
        end: impl FnOnce(&Handle, Result<T, JobError>) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Work, Problem> {
        if self.phase() != Phase::Idle {
            return Err(Problem::new(
                Kind::UpdateBusy,
                "An update waits for its restart: restart, or cancel it first.",
            ));
        }
        let (tell, done) = watch::channel(None);
        let order = Order {
            disk: self.0.report.disk.clone(),
            running: self.0.running,
            root_hash: self.0.report.root_hash,
            failed: lock(&self.0.record).failed.iter().cloned().collect(),
            again,
        };
        // Whoever looks before the thread runs sees that it was begun.
        Follower::phase(self, UpdatePhase::Judging, 0);
        let (handle, watched) = (self.clone(), shared.clone());
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            let context = Context { order: &order, shared: &watched, runtime: &runtime, follower: &handle };
            let result = end(&handle, job(&context));
            *lock(&handle.0.shown) = None;
            tell.send_replace(Some(result));
            handle.0.changed.send_replace(());
        });
        Ok(Work { feed, shared, done })
    }

    /// Waits for the end of a job.
    pub(super) async fn end_of(&self, mut done: Done) -> Result<Updates, Problem> {
        match done.wait_for(Option::is_some).await.map(|ended| ended.clone()) {
            Ok(Some(Err(problem))) => Err(problem),
            _ => Ok(self.look()),
        }
    }

    /// Puts the end of an install on record.
    pub(super) fn written(&self, result: Result<Target, JobError>) -> Result<(), Problem> {
        let (event, answer) = match result {
            Ok(target) => (Some(Event::Written(target.speed)), Ok(())),
            Err(error) => (error.reason().cloned().map(Event::Failed), Err(problem(&error))),
        };
        if let Some(event) = event {
            self.advance(event).map_err(|error| Problem::new(Kind::UpdateFailed, error.to_string()))?;
        }
        answer
    }
}

/// A job's error for people; the journal has it too.
pub(crate) fn problem(error: &JobError) -> Problem {
    tracing::warn!("update: {error}");
    let kind = match error {
        JobError::Failed(_) | JobError::State(_) => Kind::UpdateFailed,
        _ => Kind::UpdateRefused,
    };
    Problem::new(kind, sentence(&error.to_string()))
}

impl Follower for Handle {
    fn phase(&self, phase: UpdatePhase, bytes: u64) {
        *lock(&self.0.shown) = Some((phase, Meter::new(bytes, clock::uptime())));
        self.0.changed.send_replace(());
    }

    fn moved(&self, bytes: u64) {
        if let Some((_, meter)) = lock(&self.0.shown).as_mut() {
            meter.reached(bytes, clock::uptime());
        }
        self.0.changed.send_replace(());
    }

    fn accepted(&self, target: &Target) -> Result<(), String> {
        self.advance(Event::Accepted(target.clone())).map_err(|error| error.to_string())
    }
}
