//! A bundle that comes in pieces: when a connection breaks off, the install waits for the next one to go on.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::Piece;
use tokio::sync::watch;

/// How long an upload that broke off is waited for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How often a wait looks whether the owner cancelled, in milliseconds.
const LOOK: u16 = 500;

/// What both ends see.
#[derive(Debug)]
pub struct Shared {
    /// Bytes that were read.
    at: AtomicU64,
    /// Nobody feeds it at the moment.
    hungry: watch::Sender<bool>,
    cancelled: AtomicBool,
}

impl Shared {
    /// Of a job that may be `hungry` for pieces.
    #[must_use]
    pub fn new(hungry: bool) -> Arc<Self> {
        Arc::new(Self {
            at: AtomicU64::new(0),
            hungry: watch::Sender::new(hungry),
            cancelled: AtomicBool::new(false),
        })
    }

    /// The byte that the next piece begins with.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at.load(Ordering::SeqCst)
    }

    /// Takes the right to feed it; false when somebody else does.
    #[must_use]
    pub fn claim(&self) -> bool {
        self.hungry.send_if_modified(std::mem::take)
    }

    /// Waits until the piece that was fed last came to its end.
    pub async fn is_hungry(&self) {
        let mut hungry = self.hungry.subscribe();
        // The sender lives in `self`: it cannot be gone.
        drop(hungry.wait_for(|hungry| *hungry).await);
    }

    /// Stops it at the next byte.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// The end that reads.
pub struct Upload {
    pieces: Receiver<File>,
    now: Option<File>,
    total: u64,
    shared: Arc<Shared>,
}

/// The end that feeds.
pub struct Feed {
    pieces: Sender<File>,
    shared: Arc<Shared>,
}

impl Feed {
    /// Hands the next piece over: a pipe or a file, which is read to its end.
    ///
    /// # Errors
    /// When it begins with another byte than the one that is waited for, or somebody else feeds.
    pub fn put(&self, piece: Piece, file: File) -> Result<(), Problem> {
        // First, for the place does not change then.
        if !self.shared.claim() {
            return Err(self.busy());
        }
        let at = self.shared.at();
        if piece.offset == at {
            return self.pieces.send(file).map_err(|_| self.busy());
        }
        self.shared.hungry.send_replace(true);
        Err(if piece.offset == 0 { self.busy() } else { wrong_offset(at) })
    }

    /// What somebody is told who wants something else.
    #[must_use]
    pub fn busy(&self) -> Problem {
        let at = self.shared.at();
        let detail =
            format!("A bundle is being received. If it broke off, go on with it at byte {at}, or cancel it.");
        Problem::new(Kind::UpdateBusy, detail)
    }
}

fn wrong_offset(at: u64) -> Problem {
    Problem::new(Kind::WrongOffset, format!("The upload goes on at byte {at}."))
}

impl Upload {
    /// A bundle of `total` bytes.
    #[must_use]
    pub fn new(total: u64) -> (Self, Feed, Arc<Shared>) {
        let (feed, pieces) = channel();
        let shared = Shared::new(true);
        let feed = Feed { pieces: feed, shared: shared.clone() };
        (Self { pieces, now: None, total, shared: shared.clone() }, feed, shared)
    }

    /// A bundle that begins with this piece.
    ///
    /// # Errors
    /// When it is not the first.
    pub fn begin(piece: Piece, file: File) -> Result<(Self, Feed, Arc<Shared>), Problem> {
        if piece.offset != 0 {
            return Err(wrong_offset(0));
        }
        let (upload, feed, shared) = Self::new(piece.bytes);
        feed.put(piece, file)?;
        Ok((upload, feed, shared))
    }

    /// Waits for the next piece.
    fn wait(&self) -> io::Result<File> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.pieces.recv_timeout(Duration::from_millis(LOOK.into())) {
                Ok(piece) => return Ok(piece),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => self.go_on()?,
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    fn go_on(&self) -> io::Result<()> {
        if self.shared.is_cancelled() { Err(io::Error::other("it was cancelled")) } else { Ok(()) }
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.total.saturating_sub(self.shared.at());
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        loop {
            self.go_on()?;
            let mut file = match self.now.take() {
                Some(file) => file,
                None => self.wait()?,
            };
            let mut ready = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, PollTimeout::from(LOOK))? == 0 {
                self.now = Some(file);
                continue;
            }
            let read = file.read(&mut buffer[..most])?;
            // At its end the piece is dropped, and the next one goes on where it ended.
            if read == 0 {
                self.shared.hungry.send_replace(true);
            } else {
                self.now = Some(file);
                self.shared.at.fetch_add(read as u64, Ordering::SeqCst);
                return Ok(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pieces_join_and_the_end_is_the_end() {
        let (mut upload, feed, shared) = Upload::new(11);
        for piece in ["hello ", "", "world and more"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(piece.as_bytes()).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            feed.pieces.send(file).unwrap();
        }
        let mut text = String::new();
        upload.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), shared.at()), ("hello world", 11));
    }

    #[test]
    fn pieces_follow_each_other_one_at_a_time() {
        let file = || tempfile::tempfile().unwrap();
        let piece = |offset| Piece { offset, bytes: 11, again: false };
        let kind = |result: Result<(), Problem>| result.unwrap_err().kind;
        assert!(Upload::begin(piece(3), file()).is_err_and(|problem| problem.kind == Kind::WrongOffset));
        let (upload, feed, shared) = Upload::begin(piece(0), file()).unwrap_or_else(|_| unreachable!());
        assert_eq!(kind(feed.put(piece(0), file())), Kind::UpdateBusy, "the first is read");
        shared.hungry.send_replace(true);
        assert_eq!(kind(feed.put(piece(5), file())), Kind::WrongOffset);
        shared.at.store(5, Ordering::SeqCst);
        assert_eq!(kind(feed.put(piece(0), file())), Kind::UpdateBusy, "it is not begun anew");
        feed.put(piece(5), file()).unwrap();
        drop(upload);
        shared.hungry.send_replace(true);
        assert_eq!(kind(feed.put(piece(5), file())), Kind::UpdateBusy, "nobody reads any more");
    }

    #[test]
    fn nobody_waits_for_what_was_cancelled() {
        let (mut upload, feed, shared) = Upload::new(11);
        shared.cancel();
        assert!(upload.read(&mut [0; 4]).is_err());
        drop(feed);
    }
}
