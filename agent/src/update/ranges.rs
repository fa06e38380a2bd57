//! Fetches parts of a repository's pack, several at once and in order. A link that is lost is waited for.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::update::http::{Client, HttpError};
use crate::update::pack::Pack;
use crate::update::upload::Shared;

/// Parts that are fetched at the same time. Each is held in memory until its turn.
const PARALLEL: usize = 4;
/// How long a part is tried for: a router that is restarted, a night without internet.
const PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// Pauses between the tries; the last one repeats.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 30, 60];
/// How often a wait looks whether the owner cancelled.
const LOOK: Duration = Duration::from_millis(500);

type Fetched = Result<Vec<u8>, HttpError>;

/// Parts of the pack at `url`.
pub struct Ranges {
    client: Client,
    url: String,
    shared: Arc<Shared>,
    /// What is still to be begun.
    later: VecDeque<Range<u64>>,
    /// What was begun, in order.
    begun: VecDeque<(u64, Receiver<Fetched>)>,
    /// Consecutive bytes that are here.
    held: Vec<u8>,
    /// Where they lie in the pack.
    at: u64,
}

impl Ranges {
    /// Will fetch `ranges`, in order.
    #[must_use]
    pub fn new(client: Client, url: String, ranges: Vec<Range<u64>>, shared: Arc<Shared>) -> Self {
        Self { client, url, shared, later: ranges.into(), begun: VecDeque::new(), held: Vec::new(), at: 0 }
    }

    /// Begins a part on a thread of its own.
    fn begin(&self, range: Range<u64>) -> Receiver<Fetched> {
        let (tell, hear) = sync_channel(1);
        let (client, url, shared) = (self.client.clone(), self.url.clone(), self.shared.clone());
        thread::spawn(move || {
            // Nobody listens any more when the install has ended.
            tell.send(fetch(&client, &url, &range, &shared)).unwrap_or_default();
        });
        hear
    }

    /// Waits for a part.
    fn wait(&self, part: &Receiver<Fetched>) -> io::Result<Vec<u8>> {
        loop {
            match part.recv_timeout(LOOK) {
                Ok(fetched) => return fetched.map_err(io::Error::other),
                Err(RecvTimeoutError::Timeout) if !self.shared.is_cancelled() => {}
                Err(_) => return Err(io::Error::other("it was cancelled")),
            }
        }
    }

    /// Takes the next part in, and begins others.
    fn advance(&mut self) -> io::Result<bool> {
        while self.begun.len() < PARALLEL
            && let Some(range) = self.later.pop_front()
        {
            self.begun.push_back((range.start, self.begin(range)));
        }
        let Some((start, part)) = self.begun.pop_front() else { return Ok(false) };
        let bytes = self.wait(&part)?;
        if start == self.at + self.held.len() as u64 {
            self.held.extend(bytes);
        } else {
            (self.at, self.held) = (start, bytes);
        }
        Ok(true)
    }

    /// Whether a part that covers `at` is here or on its way.
    fn is_expected(&self, at: u64) -> bool {
        let here = self.at..self.at + self.held.len() as u64;
        let begun = self.begun.front().is_some_and(|(start, _)| *start <= at);
        here.contains(&at) || begun || self.later.front().is_some_and(|range| range.start <= at)
    }
}

impl Pack for Ranges {
    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let end = at + out.len() as u64;
        while self.is_expected(at) {
            let here = self.at..=self.at + self.held.len() as u64;
            if here.contains(&at) && here.contains(&end) {
                let from = usize::try_from(at - self.at).map_err(io::Error::other)?;
                out.copy_from_slice(&self.held[from..from + out.len()]);
                // Places rise: what lies before is not asked for again.
                self.held.drain(..from);
                self.at = at;
                return Ok(());
            }
            if !self.advance()? {
                break;
            }
        }
        // A chunk that the device was thought to hold.
        let bytes = self.wait(&self.begin(at..end))?;
        out.copy_from_slice(&bytes);
        Ok(())
    }
}

/// Tries until it works, the server refuses, or the owner cancels.
fn fetch(client: &Client, url: &str, range: &Range<u64>, shared: &Shared) -> Fetched {
    let end = Instant::now() + PATIENCE;
    let mut pauses = PAUSES.into_iter();
    let mut pause = 0;
    loop {
        let error = match client.range(url, range.clone()) {
            Err(error) if error.passes() => error,
            done => return done,
        };
        pause = pauses.next().unwrap_or(pause);
        tracing::warn!("{error}; the next try comes in {pause} s");
        if !sleep(Duration::from_secs(pause), shared) || Instant::now() > end {
            return Err(error);
        }
    }
}

/// Pauses; false when the owner cancels.
fn sleep(pause: Duration, shared: &Shared) -> bool {
    let end = Instant::now() + pause;
    while Instant::now() < end {
        if shared.is_cancelled() {
            return false;
        }
        thread::park_timeout(LOOK.min(pause));
    }
    true
}

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
