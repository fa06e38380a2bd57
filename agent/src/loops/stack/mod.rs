//! The stack: looks at what is declared and what runs, and takes the steps between the two that `tayberry_core::stack::plan` names.

mod act;
mod ask;
mod change;
mod data;
pub mod gateway;
mod hold;
mod images;
mod look;
mod registries;
mod roll;
mod secrets;
mod store;
mod tell;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::StackState;
use tayberry_core::stack::record::{Declared, Record};
use tokio::sync::watch;

use act::End;

use crate::device::systemd::ManagerProxy;

pub use tell::tell;

/// A step that was not taken.
#[derive(Debug, thiserror::Error)]
enum StackError {
    /// A file or folder.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// systemd.
    #[error("systemd: {0}")]
    Bus(#[from] zbus::Error),
    /// The declaration: an older or newer system wrote it, or its services cannot start on the data that are there.
    #[error("what is declared cannot be started: {0}")]
    Refused(#[from] tayberry_core::stack::Refusal),
    /// Services that did not start.
    #[error("{0}")]
    NotStarted(String),
    /// A new version that did not become ready beside the old one, which goes on.
    #[error("{0}")]
    NotRolled(String),
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Progress {
    busy: bool,
    problem: Option<String>,
    /// What was declared was taken back, why: a sentence that stays until something else is.
    taken_back: Option<String>,
}

struct Inner {
    bus: zbus::Connection,
    record: Mutex<Record>,
    progress: watch::Sender<Progress>,
    wake: tokio::sync::Notify,
    /// The gateway serves the ports.
    gateway: watch::Sender<bool>,
    /// The device's user that the declared gateway runs as.
    gateway_user: watch::Sender<Option<u32>>,
    /// The owner's domain, if the gateway's folder holds a certificate for it.
    domain: Mutex<Option<tayberry_core::domain::DomainName>>,
    /// Services stay as they are: they are those of the system before, and this one is not judged yet.
    rests: watch::Sender<bool>,
    /// How long services were away that were stopped and started last.
    away: watch::Sender<Option<Duration>>,
    /// There is a certificate for a gateway.
    certified: watch::Sender<bool>,
    /// The record is changed by one at a time.
    saving: tokio::sync::Mutex<()>,
    /// Images are taken one archive at a time.
    loading: tokio::sync::Mutex<()>,
}

/// Whether a stack does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Works {
    /// None is declared.
    NoStack,
    /// Not now; why, a sentence.
    No(String),
    /// As far as systemd knows. What is to be asked through the gateway, too.
    Yes(&'static [Ask]),
}

/// What is asked through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// That it says at this path that it can do its work.
    Ready(&'static str),
    /// That it answers at this path, and not that it failed.
    Answer(&'static str),
    /// That a WebSocket is opened there.
    Socket(&'static str),
}

/// The loop, for whoever asks; clones share it.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

/// Opens what was declared. The second value is what the owner must know about it: a device whose record is damaged, or was written by
/// a newer system, has no stack until it is declared again, and does everything else.
#[must_use]
pub fn open(bus: zbus::Connection, owned: bool) -> (Handle, Option<String>) {
    let (record, notice) = store::open(owned);
    let inner = Inner {
        bus,
        progress: watch::Sender::new(Progress {
            busy: record.declared != Declared::Nothing,
            ..Progress::default()
        }),
        record: Mutex::new(record),
        wake: tokio::sync::Notify::new(),
        gateway: watch::Sender::new(false),
        gateway_user: watch::Sender::new(None),
        domain: Mutex::default(),
        rests: watch::Sender::new(false),
        away: watch::Sender::new(None),
        certified: watch::Sender::new(false),
        saving: tokio::sync::Mutex::default(),
        loading: tokio::sync::Mutex::default(),
    };
    (Handle(Arc::new(inner)), notice)
}

impl Handle {
    /// Brings the services to what is declared, at once and whenever that changes, for ever.
    pub async fn run(&self) -> Infallible {
        tokio::task::spawn_blocking(clean).await.unwrap_or_else(|error| tracing::warn!("{error}"));
        if let Err(error) = self.subscribe().await {
            tracing::error!("systemd will not say when services have started: {error}");
        }
        // What an agent before this one, or a power cut, left: whatever of it does not start then is as one that is not ready in time.
        let mut was_left = self.record().unproven;
        // The same of those who were told to hold requests: nobody else would say that they may go on.
        let mut held = self.holders().await;
        loop {
            if *self.0.rests.borrow() {
                self.0.progress.send_modify(|progress| progress.busy = false);
                drop(self.0.rests.subscribe().wait_for(|rests| !rests).await);
            }
            self.0.progress.send_modify(|progress| progress.busy = true);
            let tried = self.record().declared.clone();
            let problem = match self.reconcile().await {
                Ok(End::Done) => None,
                Ok(End::Overtaken) => continue,
                Err(error) => {
                    tracing::error!("stack: {error}");
                    let is_bad = matches!(error, StackError::NotRolled(_))
                        || was_left && matches!(error, StackError::NotStarted(_));
                    if is_bad && self.take_back(&tried, &error).await {
                        continue;
                    }
                    Some(error.to_string())
                }
            };
            was_left = false;
            if let Err(error) = self.change(|record| record.ended(&tried)).await {
                tracing::error!("stack: {error}");
            }
            self.go_on(&std::mem::take(&mut held)).await;
            // Who declared something meanwhile waits for that.
            if self.0.wake.notified().now_or_never().is_some() {
                continue;
            }
            self.0.progress.send_modify(|progress| (progress.busy, progress.problem) = (false, problem));
            self.0.wake.notified().await;
        }
    }

    async fn subscribe(&self) -> zbus::Result<()> {
        ManagerProxy::new(&self.0.bus).await?.subscribe().await
    }

    /// Tells of every change.
    fn watch(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Whether services are being changed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.0.progress.borrow().busy
    }

    /// Waits until no service is being changed.
    pub async fn is_settled(&self) {
        drop(self.watch().wait_for(|progress| !progress.busy).await);
    }

    /// How long services were away that were stopped and started last, since this agent runs.
    #[must_use]
    pub fn away(&self) -> Option<Duration> {
        *self.0.away.borrow()
    }

    /// Leaves services as they are, or brings them to what is declared from now on.
    pub fn rest(&self, rests: bool) {
        if self.0.rests.send_replace(rests) && !rests {
            // Whoever waits for the end of the change does not take this moment for it.
            self.0.progress.send_modify(|progress| progress.busy = true);
        }
    }

    /// Takes that back where nothing was changed, and nothing declared, meanwhile.
    pub fn rest_no_more(&self) {
        self.0.rests.send_replace(false);
    }

    /// Has what went wrong tried again.
    pub fn try_again(&self) {
        if self.0.progress.borrow().problem.is_some() {
            self.0.wake.notify_one();
        }
    }

    /// What is wrong with what was declared, a sentence.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.progress.borrow().problem.clone()
    }

    /// Whether services stay as they are for now.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        *self.0.rests.borrow()
    }

    /// That no service is being changed.
    ///
    /// # Errors
    /// When some are.
    pub fn is_unchanging(&self) -> Result<(), Problem> {
        if !self.is_busy() {
            return Ok(());
        }
        Err(Problem::new(Kind::NotAllowed, "Services are being changed. Try again once they were."))
    }

    /// Declares what the owner wishes: not while the system itself is replaced, whose health hangs on what runs.
    async fn declare(&self, change: impl FnOnce(&mut Record)) -> Result<StackState, Problem> {
        if self.is_at_rest() {
            let why =
                "The system is being replaced, and its services stay as they are. Try again in some minutes.";
            return Err(Problem::new(Kind::NotAllowed, why));
        }
        self.declare_anyway(change).await
    }

    /// Saves first: what is declared holds after a power cut, too.
    async fn declare_anyway(&self, change: impl FnOnce(&mut Record)) -> Result<StackState, Problem> {
        self.change(change).await.map_err(|error| failed(&error))?;
        self.0.progress.send_replace(Progress { busy: true, ..Progress::default() });
        self.0.wake.notify_one();
        self.state().await
    }

    /// Goes back to what was declared before, if `tried` still is declared and was never brought about. True if it did.
    async fn take_back(&self, tried: &Declared, why: &StackError) -> bool {
        let back = self.change(|record| record.take_back(tried)).await.unwrap_or_else(|error| {
            tracing::error!("stack: {error}");
            false
        });
        if back {
            let sentence = format!("{why} What was declared before holds again.");
            self.0.progress.send_modify(|progress| progress.taken_back = Some(sentence));
        }
        back
    }

    /// Changes the record and keeps it: one change at a time, each of what the one before it left.
    async fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T, StackError> {
        let _one = self.0.saving.lock().await;
        let mut next = self.record().clone();
        let result = change(&mut next);
        if *self.record() != next {
            store::save(&next).await?;
            *self.record() = next;
        }
        Ok(result)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what a power cut left half done.
fn clean() {
    images::clean();
    data::clean();
}

/// What could not be looked at or done.
fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("stack: {error}");
    Problem::new(Kind::Failed, error.to_string())
}
