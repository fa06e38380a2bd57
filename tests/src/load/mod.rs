//! Visitors who never stop: so many requests a second over HTTP/1.1 and HTTP/2, on connections that are kept and on fresh ones, and some
//! who listen to a WebSocket. Nobody asks twice: whatever is refused, reset, answered with anything but a 2xx, or not complete in time has
//! failed.

mod connection;
mod listener;
mod sustained;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::JourneyError;
use crate::console::SERVICES;
use crate::web::until;
use connection::{Kept, Way};

pub use sustained::{Seen, sustained};

/// An answer that takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The same of one that needs a database: while that is started anew, the API holds requests for a minute (stack/api, `door`), and an
/// emulated board needs most of it.
pub const HELD: Duration = Duration::from_secs(75);

/// So many answers are some.
const MORE: usize = 20;

/// So many failures are shown.
const SHOWN: usize = 8;

/// Whom the visitors ask, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// Port of this machine that leads to the device's.
    pub port: u16,
    /// The device's name.
    pub name: String,
    /// PEM of the authority that its certificate is from.
    pub authority: Vec<u8>,
    /// The secret of a session at the console.
    pub session: String,
    /// What is asked for, in turn.
    pub paths: Vec<String>,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Target {
    fn cookie(&self) -> String {
        format!("__Host-console={}", self.session)
    }
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    /// Answers.
    pub answered: usize,
    /// What failed: when, since the beginning, and why.
    pub failed: Vec<(Duration, String)>,
    /// How long answers took, ascending.
    pub took: Vec<Duration>,
    /// The longest time between two answers.
    pub gap: Duration,
    /// Listeners with a connection now.
    pub listening: usize,
    /// The listeners' connections that ended, by close code; 0 where there was none.
    pub closed: BTreeMap<u16, usize>,
    /// The longest time in which a listener was back.
    pub back: Duration,
}

impl Sum {
    /// How long the slowest of so many per cent took.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took.get(last * percent / 100).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} answers, half within {:?}, 99 of 100 within {:?}, longest gap {:?}; {} failed {:?}; WebSockets that ended, by code {:?}, \
             back within {:?}",
            self.answered,
            self.percentile(50),
            self.percentile(99),
            self.gap,
            self.failed.len(),
            self.failed.iter().take(SHOWN).collect::<Vec<_>>(),
            self.closed,
            self.back
        )
    }
}

struct Record {
    begun: Instant,
    last: Instant,
    sum: Sum,
}

impl Record {
    fn answered(&mut self, asked: Instant) {
        let now = Instant::now();
        self.sum.answered += 1;
        self.sum.took.push(now - asked);
        self.sum.gap = self.sum.gap.max(now - self.last);
        self.last = now;
    }
}

/// Clones share it.
#[derive(Clone)]
struct Book(Arc<Mutex<Record>>);

impl Book {
    fn open(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: String) {
        let mut record = self.open();
        let at = record.begun.elapsed();
        record.sum.failed.push((at, why));
    }
}

/// The visitors.
pub struct Load {
    book: Book,
    end: watch::Sender<bool>,
    thread: JoinHandle<Result<(), JourneyError>>,
}

impl Load {
    /// They come, `rate` a second, and `listeners` listen.
    ///
    /// # Errors
    /// When the authority is none.
    pub fn begin(target: Target, rate: u32, listeners: usize) -> Result<Self, JourneyError> {
        let now = Instant::now();
        let book = Book(Arc::new(Mutex::new(Record { begun: now, last: now, sum: Sum::default() })));
        let (end, ended) = watch::channel(false);
        let ways = Way::all(&target)?;
        let others = book.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(come(target, ways, rate, listeners, others, ended));
            Ok(())
        });
        Ok(Self { book, end, thread })
    }

    /// What happened so far.
    #[must_use]
    pub fn so_far(&self) -> Sum {
        sum_of(&self.book)
    }

    /// Waits until some more were answered, and all who listen do; or one of them failed.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_more(&self, listeners: usize) -> Result<(), JourneyError> {
        let after = self.so_far().answered + MORE;
        until("answers", SERVICES, || {
            let sum = self.so_far();
            let all_listen = sum.listening == listeners || !sum.failed.is_empty();
            Ok((sum.answered > after && all_listen).then_some(()))
        })
    }

    /// They go, each with an answer. Returns what happened.
    ///
    /// # Errors
    /// When they could not come.
    pub fn end(self) -> Result<Sum, JourneyError> {
        self.end.send_replace(true);
        self.thread.join().map_err(|_| JourneyError::Failed("a visitor panicked".to_owned()))??;
        Ok(sum_of(&self.book))
    }
}

fn sum_of(book: &Book) -> Sum {
    let mut sum = book.open().sum.clone();
    sum.took.sort_unstable();
    sum
}

async fn come(
    target: Target,
    ways: Vec<Way>,
    rate: u32,
    listeners: usize,
    book: Book,
    mut ended: watch::Receiver<bool>,
) {
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..listeners {
        all.spawn(listener::listen(target.clone(), book.clone(), ended.clone()));
    }
    let kept: Vec<Arc<Kept>> = ways.into_iter().map(|way| Arc::new(Kept::new(way))).collect();
    let patience = target.patience;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    let turns = kept.iter().cycle().zip(target.paths.iter().cycle().skip(1));
    for (kept, path) in turns {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = ended.changed() => break,
        }
        let (kept, book, path) = (kept.clone(), book.clone(), path.clone());
        all.spawn(async move {
            let asked = Instant::now();
            match tokio::time::timeout(patience, kept.ask(&path)).await {
                Ok(Ok(())) => book.open().answered(asked),
                Ok(Err(why)) => book.failed(format!("{path} {}: {why}", kept.name())),
                Err(_) => book.failed(format!("{path} {}: not complete in time", kept.name())),
            }
        });
    }
    while all.join_next().await.is_some() {}
}
