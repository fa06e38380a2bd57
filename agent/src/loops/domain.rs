//! The owner's domain: keeps what is wished, asks for its certificate when it is time, and holds it for the front and the gateway.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tayberry_core::domain::{self, Next, Record};
use tayberry_core::request::domain::{DomainState, DomainWish};
use tayberry_core::request::problem::{Kind, Problem};
use tokio::sync::{Notify, watch};

use crate::device::acme::{self, AcmeError, Answers, Certificate};
use crate::device::{clock, whole_file};

/// What is remembered: on the data partition.
const RECORD: &str = "/var/lib/tayberry/domain.json";
/// The certificate and its key, PEM.
const CERTIFICATE: &str = "/var/lib/tayberry/domain.pem";
/// Longest record that is read, in bytes.
const MOST_BYTES: u64 = 256 << 10;
/// How often the clock is looked at: it may be set.
const LOOK: Duration = Duration::from_secs(30);

struct Inner {
    record: Mutex<Record>,
    /// The record is changed by one at a time.
    saving: tokio::sync::Mutex<()>,
    certificate: watch::Sender<Option<Arc<Certificate>>>,
    busy: watch::Sender<bool>,
    wake: Notify,
    answers: Answers,
}

/// The loop, for whoever asks; clones share it.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

/// Opens what is remembered. The second value is what the owner must know about it.
#[must_use]
pub fn open() -> (Handle, Option<String>) {
    let (record, notice) = match whole_file::json::<Record>(Path::new(RECORD), MOST_BYTES) {
        Ok(record) => (record.unwrap_or_default(), None),
        Err(error) => (
            Record::default(),
            Some(format!("What was said of the domain cannot be read ({RECORD}: {error}). Say it again.")),
        ),
    };
    let held = record.wish.as_ref().and_then(|wish| {
        let read = Certificate::open(Path::new(CERTIFICATE), &wish.name);
        read.unwrap_or_else(|error| {
            // Another one is asked for.
            tracing::warn!("{error}");
            None
        })
    });
    let inner = Inner {
        record: Mutex::new(record),
        saving: tokio::sync::Mutex::default(),
        certificate: watch::Sender::new(held.map(Arc::new)),
        busy: watch::Sender::new(false),
        wake: Notify::new(),
        answers: Answers::default(),
    };
    (Handle(Arc::new(inner)), notice)
}

impl Handle {
    /// The domain now.
    #[must_use]
    pub fn state(&self, time_known: bool) -> DomainState {
        let record = self.record().clone();
        let certificate = self.certificate().map(|held| held.about.clone());
        let busy = *self.0.busy.borrow();
        let next_try = match domain::next(&record, certificate.as_ref(), time_known) {
            Next::At(then) if !busy => Some(then.max(clock::now())),
            _ => None,
        };
        DomainState {
            wish: record.wish.as_ref().map(domain::shown),
            certificate,
            busy,
            problem: record.tries.problem,
            next_try,
        }
    }

    /// The certificate for it.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.0.certificate.borrow().clone()
    }

    /// Tells of every change of that.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Certificate>>> {
        self.0.certificate.subscribe()
    }

    /// The answer to an authority that looks whether the domain leads here.
    #[must_use]
    pub fn answer(&self, token: &str) -> Option<String> {
        self.0.answers.to(token)
    }

    /// Takes a wish.
    ///
    /// # Errors
    /// When it is not allowed, or cannot be kept.
    pub async fn wish(&self, wish: DomainWish) -> Result<(), Problem> {
        if let Some(pem) = &wish.trust
            && ureq::tls::Certificate::from_pem(pem.as_bytes()).is_err()
        {
            return Err(not_allowed(&domain::WishError::Trust));
        }
        let before = self.record().wish.clone();
        let checked = domain::check(wish, before.as_ref()).map_err(|error| not_allowed(&error))?;
        let renamed = before.is_some_and(|before| before.name != checked.name);
        self.change(|record| record.wish(checked)).await?;
        if renamed {
            self.0.certificate.send_replace(None);
        }
        self.0.wake.notify_one();
        Ok(())
    }

    /// No domain any more.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub async fn forget(&self) -> Result<(), Problem> {
        self.change(Record::forget).await?;
        self.0.certificate.send_replace(None);
        if let Err(error) = std::fs::remove_file(CERTIFICATE)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("{CERTIFICATE}: {error}");
        }
        self.0.wake.notify_one();
        Ok(())
    }

    /// Asks for the certificate now, and not only after the wait that follows a failure.
    ///
    /// # Errors
    /// When there is no domain.
    pub async fn try_now(&self) -> Result<(), Problem> {
        if self.record().wish.is_none() {
            return Err(Kind::NotFound.into());
        }
        self.change(|record| {
            record.met = false;
            record.tries.failed = 0;
        })
        .await?;
        self.0.wake.notify_one();
        Ok(())
    }

    /// Asks for certificates when it is time, for ever.
    pub async fn run(&self, time_known: impl Fn() -> bool) -> Infallible {
        loop {
            let held = self.certificate().map(|held| held.about.clone());
            let next = domain::next(&self.record(), held.as_ref(), time_known());
            if matches!(next, Next::At(then) if then <= clock::now()) {
                self.ask().await;
                continue;
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Asks once. What was wished meanwhile is asked for next.
    async fn ask(&self) {
        let record = self.record().clone();
        let Some(wish) = record.wish else { return };
        self.0.busy.send_replace(true);
        let asked = acme::order(&wish, record.account.as_ref(), &self.0.answers).await;
        self.0.busy.send_replace(false);
        if self.record().wish.as_ref() != Some(&wish) {
            return;
        }
        let kept = match asked {
            Ok((account, certificate)) => self.keep(account, certificate).await,
            Err(error) => {
                tracing::warn!("no certificate for {}: {error}", wish.name);
                let gone = matches!(error, AcmeError::NoAccount);
                self.change(|record| {
                    record.account.take_if(|_| gone);
                    record.failed(format!("{error}."), clock::now());
                })
                .await
            }
        };
        if let Err(problem) = kept {
            // The disk is full, or worse: the authority must not be asked in a circle.
            self.record().failed(problem.detail.unwrap_or(problem.title), clock::now());
        }
    }

    async fn keep(&self, account: domain::Account, certificate: Certificate) -> Result<(), Problem> {
        certificate.keep(Path::new(CERTIFICATE)).map_err(|error| failed(&error))?;
        self.change(|record| record.met(account)).await?;
        tracing::info!("a certificate for {} until {}", certificate.about.name, certificate.about.not_after);
        self.0.certificate.send_replace(Some(Arc::new(certificate)));
        Ok(())
    }

    /// Changes the record and keeps it: what is wished holds after a power cut, too.
    async fn change(&self, change: impl FnOnce(&mut Record)) -> Result<(), Problem> {
        let _one = self.0.saving.lock().await;
        let mut next = self.record().clone();
        change(&mut next);
        let text = serde_json::to_vec_pretty(&next).map_err(|error| failed(&error))?;
        let saved = tokio::task::spawn_blocking(move || whole_file::replace(Path::new(RECORD), &text)).await;
        saved
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| failed(&format!("{RECORD}: {error}")))?;
        *self.record() = next;
        Ok(())
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_allowed(error: &domain::WishError) -> Problem {
    Problem::new(Kind::NotAllowed, format!("{error}."))
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("domain: {error}");
    Problem::new(Kind::Failed, error.to_string())
}
