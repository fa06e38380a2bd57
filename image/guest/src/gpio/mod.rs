//! The simulated GPIO chip, and the bridge to the host that presses its buttons and reads its lines.

mod chip;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

pub use chip::{Chip, ChipError, Roots};

use crate::port::{self, Found};
use crate::protocol::{Ask, BOARD_LINES, Level, Lines, Report, Request, Say};

/// How often watched lines are read. Nothing tells of a change: the driver has no `sysfs_notify`, and the character
/// device reports edges of lines only to the program that requested them, which here is the one under test.
const INTERVAL: Duration = Duration::from_millis(50);
/// Lines whose changes are reported unasked. What is shorter than [`INTERVAL`] is missed.
const WATCHED: [u32; BOARD_LINES.len()] = BOARD_LINES;
/// How long the host may refuse an answer before it is dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// Carries questions and answers between a port and a chip.
pub struct Bridge<P> {
    port: P,
    chip: Chip,
    lines: Lines,
    levels: [Option<bool>; WATCHED.len()],
    looked: Instant,
}

impl<P: Read + Write + AsFd> Bridge<P> {
    /// A bridge that has reported nothing yet.
    #[must_use]
    pub fn new(port: P, chip: Chip) -> Self {
        let levels = WATCHED.map(|line| chip.level(line).ok());
        Self { port, chip, lines: Lines::default(), levels, looked: Instant::now() }
    }

    /// Waits at most [`INTERVAL`] for a question, answers it, and reports changes.
    ///
    /// # Errors
    /// When the port is gone. A host that is away is no error.
    pub fn turn(&mut self) -> io::Result<()> {
        match port::read(&mut self.port, INTERVAL)? {
            Found::Data(data) => {
                for line in self.lines.push(&data) {
                    let report = match line.and_then(|line| Request::parse(&line)) {
                        Ok(request) => self.answer(&request),
                        Err(error) => Report { id: None, say: Say::Error(error.to_string()) },
                    };
                    self.say(&report);
                }
            }
            // A line that a host left unfinished is ended by the first byte of the next one.
            Found::Nothing | Found::Closed => {}
        }
        if self.looked.elapsed() >= INTERVAL {
            self.looked = Instant::now();
            self.report_changes();
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Report {
        let say = match self.carry_out(&request.ask) {
            Ok(level) => Say::Level(level),
            Err(error) => Say::Error(error.to_string()),
        };
        Report { id: request.id, say }
    }

    fn carry_out(&self, ask: &Ask) -> Result<Level, Box<dyn std::error::Error>> {
        let line = ask.check()?;
        if let Ask::Set(pull) = ask {
            self.chip.pull(line, pull.level == 1)?;
        }
        Ok(Level { line, value: self.chip.level(line)?.into() })
    }

    fn report_changes(&mut self) {
        for (index, line) in WATCHED.into_iter().enumerate() {
            let level = self.chip.level(line).ok();
            if self.levels[index] == level {
                continue;
            }
            self.levels[index] = level;
            if let Some(value) = level {
                self.say(&Report { id: None, say: Say::Level(Level { line, value: value.into() }) });
            }
        }
    }

    /// A host that is away or does not listen loses the report; when it is back it asks.
    fn say(&mut self, report: &Report) {
        if let Ok(line) = report.line() {
            port::send(&mut self.port, &line, PATIENCE, port::BLIP).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::protocol::FAN;

    #[test]
    fn questions_are_answered_and_changes_reported() {
        let folder = tempfile::tempdir().unwrap();
        let chip = chip::tests::simulated(folder.path());
        let (mut host, port) = UnixStream::pair().unwrap();
        port.set_nonblocking(true).unwrap();
        host.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answers = io::BufReader::new(host.try_clone().unwrap());
        let mut bridge = Bridge::new(port, chip);
        let mut next = |bridge: &mut Bridge<UnixStream>| {
            (0..3).for_each(|_| bridge.turn().unwrap());
            let mut line = String::new();
            answers.read_line(&mut line).unwrap();
            line
        };
        host.write_all(b"{\"id\":1,\"set\":{\"line\":5,\"level\":0}}\n").unwrap();
        assert_eq!(next(&mut bridge), "{\"id\":1,\"level\":{\"line\":5,\"value\":1}}\n");
        let pull = chip::tests::attribute(folder.path(), 5, "pull");
        assert_eq!(std::fs::read_to_string(pull).unwrap(), "pull-down");
        host.write_all(b"\n{\"id\":3,\"get\":99}\n").unwrap();
        let error = next(&mut bridge);
        assert!(error.starts_with("{\"id\":3,\"error\":") && error.contains("lines 0 to 54"), "{error}");
        host.write_all(b"{\"id\":2,\"get\":45}\n").unwrap();
        assert_eq!(next(&mut bridge), "{\"id\":2,\"level\":{\"line\":45,\"value\":1}}\n");
        std::fs::write(chip::tests::attribute(folder.path(), FAN, "value"), "0\n").unwrap();
        assert_eq!(next(&mut bridge), "{\"level\":{\"line\":45,\"value\":0}}\n");
        drop((host, answers));
        bridge.turn().unwrap();
    }
}
