//! The host's hand on the virtual Pi 5's pins: presses buttons, reads lines. The helper in the guest answers at the
//! other end of a virtio port; see [`tayberry_guest::protocol`].

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tayberry_guest::protocol::{Ask, Level, Lines, Pull, Report, Request, Say};

use crate::emulate::{EmulateError, at};

/// How long an answer may take; a busy workstation emulates slowly.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to the pins. One at a time: a second one waits until the first is dropped.
pub struct Gpio {
    path: PathBuf,
    stream: UnixStream,
    lines: Lines,
    reports: VecDeque<Report>,
    patience: Duration,
}

impl Gpio {
    /// Connects to the port's socket. The guest need not run yet.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(path: &Path) -> Result<Self, EmulateError> {
        let mut stream = UnixStream::connect(path).map_err(at(path))?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(at(path))?;
        // Ends a line that an earlier connection may have left unfinished.
        stream.write_all(b"\n").map_err(at(path))?;
        let (lines, reports) = (Lines::default(), VecDeque::new());
        Ok(Self { path: path.to_owned(), stream, lines, reports, patience: PATIENCE })
    }

    /// Waits so long for each answer from now on; 10 seconds at first.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Presses the button on `line`: pulls it to ground.
    ///
    /// # Errors
    /// When the guest does not confirm it in time.
    pub fn press(&mut self, line: u32) -> Result<(), EmulateError> {
        self.pull(line, false)
    }

    /// Lets the button on `line` go: pulls it up.
    ///
    /// # Errors
    /// When the guest does not confirm it in time.
    pub fn release(&mut self, line: u32) -> Result<(), EmulateError> {
        self.pull(line, true)
    }

    /// Pulls `line` up or down from outside.
    ///
    /// # Errors
    /// When the guest does not confirm it in time, or the guest itself drives the line to the other level.
    pub fn pull(&mut self, line: u32, up: bool) -> Result<(), EmulateError> {
        let level = self.ask(Ask::Set(Pull { line, level: up.into() }))?;
        if (level.value == 1) == up {
            return Ok(());
        }
        Err(EmulateError::Control(format!(
            "line {line} stays at {}: the guest uses it as an output",
            level.value
        )))
    }

    /// The level of `line` now: what the guest drives, else what it is pulled to.
    ///
    /// # Errors
    /// When the guest does not answer in time, or knows no such line.
    pub fn level(&mut self, line: u32) -> Result<bool, EmulateError> {
        Ok(self.ask(Ask::Get(line))?.value == 1)
    }

    /// Waits until `line` has the wanted level. The line must be one whose changes the guest reports: the fan's.
    ///
    /// # Errors
    /// When it does not get there in time.
    pub fn wait_level(&mut self, line: u32, wanted: bool, patience: Duration) -> Result<(), EmulateError> {
        let deadline = Instant::now() + patience;
        let mut level = self.level(line)?;
        while level != wanted {
            let what = format!("line {line} at level {}", u8::from(wanted));
            match self.next(deadline, patience, &what)?.say {
                Say::Level(Level { line: changed, value }) if changed == line => level = value == 1,
                Say::Level(_) | Say::Error(_) => {}
            }
        }
        Ok(())
    }

    fn ask(&mut self, ask: Ask) -> Result<Level, EmulateError> {
        let wanted = Some(unique());
        let what = format!("an answer to {ask:?} on the port {}", tayberry_guest::protocol::PORT);
        let line = Request { id: wanted, ask }.line().map_err(|error| self.odd(&error))?;
        self.stream.write_all(&line).map_err(at(&self.path))?;
        let deadline = Instant::now() + self.patience;
        // Changes from before the answer are history; those behind it stay in `reports`.
        self.reports.clear();
        let answer = loop {
            let report = self.next(deadline, self.patience, &what)?;
            // Another number: an answer that came too late for an earlier question.
            if report.id == wanted {
                break report.say;
            }
        };
        match answer {
            Say::Level(level) => Ok(level),
            Say::Error(error) => Err(EmulateError::Control(format!("the virtual Pi 5's pins: {error}"))),
        }
    }

    /// The next report, whatever it is.
    fn next(&mut self, deadline: Instant, patience: Duration, what: &str) -> Result<Report, EmulateError> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Ok(report);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(EmulateError::Timeout { what: what.to_owned(), seconds: patience.as_secs() });
            }
            self.stream.set_read_timeout(Some(left)).map_err(at(&self.path))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(EmulateError::Ended),
                Ok(length) => {
                    for line in self.lines.push(&chunk[..length]) {
                        // A line that was begun for an earlier connection may arrive in half: not for us.
                        self.reports.extend(line.and_then(|line| Report::parse(&line)));
                    }
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(at(&self.path)(error)),
            }
        }
    }

    fn odd(&self, error: &dyn std::error::Error) -> EmulateError {
        EmulateError::Control(format!("{}: {error}", self.path.display()))
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// A number that no other question carries, of this or of an earlier connection.
fn unique() -> u64 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    u64::from(std::process::id()) << 32 | u64::from(LAST.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::thread::JoinHandle;

    use super::*;

    /// A guest that answers each line by what `answer` makes of it, until the host leaves.
    fn guest(
        answer: impl Fn(Request) -> Vec<String> + Send + 'static,
    ) -> (tempfile::TempDir, PathBuf, JoinHandle<()>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        let listener = UnixListener::bind(&path).unwrap();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                if !line.is_empty() {
                    let answers = answer(Request::parse(line.as_bytes()).unwrap()).concat();
                    stream.write_all(answers.as_bytes()).unwrap();
                }
            }
        });
        (folder, path, thread)
    }

    fn level(id: Option<u64>, line: u32, value: u8) -> String {
        let report = Report { id, say: Say::Level(Level { line, value }) };
        String::from_utf8(report.line().unwrap()).unwrap()
    }

    #[test]
    fn an_answer_is_told_from_changes_rests_and_late_answers() {
        let (_folder, path, thread) = guest(|request| match request.ask {
            Ask::Set(pull) => vec![level(request.id, pull.line, pull.level)],
            Ask::Get(line) => vec![
                "ne\":45}}\n".into(),
                level(None, line, 0),
                level(Some(1), line, 0),
                level(request.id, line, 1),
                level(None, line, 0),
            ],
        });
        let mut gpio = Gpio::connect(&path).unwrap();
        gpio.press(5).unwrap();
        gpio.release(5).unwrap();
        assert!(gpio.level(45).unwrap());
        gpio.wait_level(45, false, PATIENCE).unwrap();
        drop(gpio);
        thread.join().unwrap();
    }

    #[test]
    fn failures_say_what_failed() {
        let (_folder, path, thread) = guest(|request| match request.ask {
            Ask::Set(pull) => vec![level(request.id, pull.line, 1 - pull.level)],
            Ask::Get(0) => vec!["{\"id\":1,\"error\":\"not ours\"}\n".into()],
            Ask::Get(_) => {
                let report = Report { id: request.id, say: Say::Error("no such chip".into()) };
                vec![String::from_utf8(report.line().unwrap()).unwrap()]
            }
        });
        let mut gpio = Gpio::connect(&path).unwrap();
        assert!(gpio.press(7).unwrap_err().to_string().contains("line 7 stays at 1"));
        assert!(gpio.level(1).unwrap_err().to_string().contains("no such chip"));
        gpio.set_patience(Duration::from_millis(50));
        assert!(matches!(gpio.level(0), Err(EmulateError::Timeout { .. })));
        drop(gpio);
        thread.join().unwrap();
        assert!(Gpio::connect(Path::new("/nowhere")).is_err());
    }
}
