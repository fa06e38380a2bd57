//! The stack: looks at what is declared and what runs, and takes the steps between the two that `tayberry_core::stack::plan` names.

mod act;
pub mod gateway;
mod look;
mod secrets;
mod tell;

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{
    ComposeFile, ServiceLog, StackPlan, StackSource, StackState, StackWarning,
};
use tayberry_core::stack::record::{Declared, Record};
use tayberry_core::stack::{Stack, doctor, health, plan, quadlet};
use tokio::sync::watch;

use act::End;

use crate::device::systemd::ManagerProxy;
use crate::device::{journal, whole_file};

pub use tell::tell;

/// What is declared: on the data partition.
const RECORD: &str = "/var/lib/tayberry/stack.json";
/// The stack that comes with the system.
const SYSTEM: &str = "/usr/share/tayberry/stack/compose.yaml";
/// Longest record that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Lines of a service's log that are told.
const LINES: u32 = 200;

/// A step that was not taken.
#[derive(Debug, thiserror::Error)]
enum StackError {
    /// A file or folder.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// systemd.
    #[error("systemd: {0}")]
    Bus(#[from] zbus::Error),
    /// The declaration, which an older or newer system wrote.
    #[error("the declared compose file is not understood by this version: {0}")]
    Refused(#[from] tayberry_core::stack::Refusal),
    /// Services that did not start.
    #[error("{0}")]
    NotStarted(String),
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Progress {
    busy: bool,
    problem: Option<String>,
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
    /// There is a certificate for a gateway.
    certified: watch::Sender<bool>,
}

/// Whether a stack does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Works {
    /// None is declared.
    NoStack,
    /// Not now; why, a sentence.
    No(String),
    /// As far as systemd knows. What has to answer through the gateway, too, if anything.
    Yes(Option<&'static str>),
}

/// The loop, for whoever asks; clones share it.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

/// Opens what was declared. The second value is what the owner must know about it: a device whose record is damaged, or was written by
/// a newer system, has no stack until it is declared again, and does everything else.
#[must_use]
pub fn open(bus: zbus::Connection, owned: bool) -> (Handle, Option<String>) {
    let (record, notice) = settle(Path::new(RECORD), owned);
    let inner = Inner {
        bus,
        progress: watch::Sender::new(Progress { busy: record.declared != Declared::Nothing, problem: None }),
        record: Mutex::new(record),
        wake: tokio::sync::Notify::new(),
        gateway: watch::Sender::new(false),
        gateway_user: watch::Sender::new(None),
        certified: watch::Sender::new(false),
    };
    (Handle(Arc::new(inner)), notice)
}

/// The record, or an empty one and why; what cannot be read is kept beside it.
fn settle(path: &Path, owned: bool) -> (Record, Option<String>) {
    let error = match read(path) {
        Ok(Some(record)) => return (record, None),
        Ok(None) if owned => return (Record::new_owner(), None),
        Ok(None) => return (Record::default(), None),
        Err(error) => error,
    };
    let aside = path.with_added_extension("unread");
    let kept = match std::fs::rename(path, &aside) {
        Ok(()) => format!("It is kept as {}.", aside.display()),
        Err(error) => format!("It could not be kept: {error}."),
    };
    let why =
        format!("What was declared of the stack cannot be read ({error}). {kept} Declare the stack again.");
    (Record::default(), Some(why))
}

/// None where nothing was ever declared.
fn read(path: &Path) -> std::io::Result<Option<Record>> {
    let bytes = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        found => found?.len(),
    };
    if bytes > MOST_BYTES {
        return Err(std::io::Error::other("it is too long"));
    }
    serde_json::from_slice(&std::fs::read(path)?).map(Some).map_err(std::io::Error::other)
}

/// What a declaration says; none for no stack.
fn text(declared: &Declared) -> Result<Option<String>, StackError> {
    match declared {
        Declared::Nothing => Ok(None),
        Declared::Own(text) => Ok(Some(text.clone())),
        Declared::System => {
            let text = std::fs::read_to_string(SYSTEM);
            Ok(Some(text.map_err(|error| StackError::Io(SYSTEM.into(), error))?))
        }
    }
}

impl Handle {
    /// Brings the services to what is declared, at once and whenever that changes, for ever.
    pub async fn run(&self) -> Infallible {
        if let Err(error) = self.subscribe().await {
            tracing::error!("systemd will not say when services have started: {error}");
        }
        loop {
            self.0.progress.send_modify(|progress| progress.busy = true);
            let problem = match self.reconcile().await {
                Ok(End::Done) => None,
                Ok(End::Overtaken) => continue,
                Err(error) => {
                    tracing::error!("stack: {error}");
                    Some(error.to_string())
                }
            };
            self.0.progress.send_replace(Progress { busy: false, problem });
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

    /// The stack now.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub async fn state(&self) -> Result<StackState, Problem> {
        let record = self.record().clone();
        let progress = self.0.progress.borrow().clone();
        let compose = text(&record.declared).map_err(|error| failed(&error))?;
        let services = match compose.as_deref().map(Stack::parse) {
            Some(Ok(stack)) => self.services(&stack).await.map_err(|error| failed(&error))?,
            Some(Err(_)) | None => Vec::new(),
        };
        let mut now = StackState {
            source: match record.declared {
                Declared::Nothing => StackSource::Nothing,
                Declared::System => StackSource::System,
                Declared::Own(_) => StackSource::Own,
            },
            compose,
            gateway_serves: self.gateway_serves(),
            can_roll_back: record.previous.is_some(),
            busy: progress.busy,
            problem: progress.problem,
            services,
        };
        // What did not start then, and runs by now, is no problem any more.
        if health::waits_for(&now).is_none() {
            now.problem = None;
        }
        Ok(now)
    }

    /// Whether it does its work.
    pub async fn works(&self) -> Works {
        let now = match self.state().await {
            Ok(now) => now,
            Err(problem) => return Works::No(problem.detail.unwrap_or(problem.title)),
        };
        match (now.source, health::waits_for(&now)) {
            (StackSource::Nothing, _) => Works::NoStack,
            (_, Some(why)) => Works::No(why),
            // It writes to both databases and reads back.
            (StackSource::System, None) => Works::Yes(Some("/api/ready")),
            (StackSource::Own, None) => Works::Yes(now.gateway_serves.then_some("/")),
        }
    }

    /// What a declared service said last.
    ///
    /// # Errors
    /// When there is no such service, or its log cannot be read.
    pub async fn log(&self, service: &str) -> Result<ServiceLog, Problem> {
        let compose = text(&self.record().clone().declared).map_err(|error| failed(&error))?;
        let stack = compose.as_deref().map(Stack::parse).and_then(Result::ok);
        let name = stack
            .into_iter()
            .flat_map(|stack| stack.services.into_keys())
            .find(|name| name.to_string() == service);
        let name = name.ok_or(Kind::NotFound)?;
        let lines = journal::last(&quadlet::unit(&name), LINES).await.map_err(|error| failed(&error))?;
        Ok(ServiceLog { lines })
    }

    /// What `file` would change. Nothing is.
    ///
    /// # Errors
    /// When it is refused, or systemd does not answer.
    pub async fn plan(&self, file: &ComposeFile) -> Result<StackPlan, Problem> {
        let stack = parse(file)?;
        let steps = self.steps(Some(&stack)).await.map_err(|error| failed(&error))?;
        let warnings = doctor::look(&stack, look::memory())
            .into_iter()
            .map(|finding| StackWarning { line: finding.line, sentence: finding.sentence })
            .collect();
        Ok(StackPlan { changes: plan::changes(&steps), warnings })
    }

    /// Declares `file`, and begins.
    ///
    /// # Errors
    /// When it is refused or cannot be saved; then nothing changes.
    pub async fn apply(&self, file: ComposeFile) -> Result<StackState, Problem> {
        parse(&file)?;
        self.declare(|record| record.declare(Declared::Own(file.compose))).await
    }

    /// Declares the stack that comes with the system, and begins.
    ///
    /// # Errors
    /// When that cannot be saved.
    pub async fn apply_system(&self) -> Result<StackState, Problem> {
        self.declare(|record| record.declare(Declared::System)).await
    }

    /// Declares none, and begins.
    ///
    /// # Errors
    /// When that cannot be saved.
    pub async fn remove(&self) -> Result<StackState, Problem> {
        self.declare(|record| record.declare(Declared::Nothing)).await
    }

    /// Declares what was declared before, and begins.
    ///
    /// # Errors
    /// When there is nothing to go back to, or it cannot be saved.
    pub async fn roll_back(&self) -> Result<StackState, Problem> {
        if self.record().previous.is_none() {
            return Err(Problem::new(Kind::NotAllowed, "No stack was declared before this one."));
        }
        self.declare(|record| {
            record.roll_back();
        })
        .await
    }

    /// The device got its owner: it begins to serve, soon. What cannot be saved is begun at the next start.
    pub fn has_an_owner(&self) {
        let handle = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = handle.declare(|record| *record = Record::new_owner()).await {
                tracing::error!("the stack was not begun: {problem:?}");
            }
        });
    }

    /// Saves first: what is declared holds after a power cut, too.
    async fn declare(&self, change: impl FnOnce(&mut Record)) -> Result<StackState, Problem> {
        let mut next = self.record().clone();
        change(&mut next);
        self.save(next).await.map_err(|error| failed(&error))?;
        self.0.progress.send_replace(Progress { busy: true, problem: None });
        self.0.wake.notify_one();
        self.state().await
    }

    async fn save(&self, record: Record) -> Result<(), StackError> {
        let text = serde_json::to_vec_pretty(&record).map_err(std::io::Error::other);
        let saved = async {
            let text = text?;
            tokio::task::spawn_blocking(move || whole_file::replace(Path::new(RECORD), &text)).await?
        };
        saved.await.map_err(|error| StackError::Io(RECORD.into(), error))?;
        *self.record() = record;
        Ok(())
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(file: &ComposeFile) -> Result<Stack, Problem> {
    Stack::parse(&file.compose)
        .map_err(|refusal| Problem::new(Kind::StackRefused, capital(&refusal.to_string())))
}

/// A sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str().trim_end_matches('.'))
    })
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("stack: {error}");
    Problem::new(Kind::Failed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_kept_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.json");
        assert_eq!(settle(&path, false), (Record::default(), None), "a new device has none");
        assert_eq!(settle(&path, true).0.declared, Declared::System, "one with an owner has the system's");
        let mut record = Record::default();
        record.declare(Declared::Own("services: {}".into()));
        std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(settle(&path, true), (record, None));
        for text in ["", "{", r#"{"declared":"nothing","previous":null,"blocks":{},"newer":1}"#] {
            std::fs::write(&path, text).unwrap();
            let (empty, why) = settle(&path, true);
            assert_eq!(empty, Record::default());
            assert!(why.unwrap().contains("Declare the stack again"));
            assert_eq!(std::fs::read_to_string(folder.path().join("stack.json.unread")).unwrap(), text);
            assert!(!path.exists());
        }
    }
}
