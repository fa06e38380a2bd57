//! How many visitors a board serves, tried before anything is changed: what fails later is the change's doing. And a file of what they saw.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use super::Sum;
use crate::console::{SERVICES, Serving};
use crate::web::until;
use crate::{Fixture, JourneyError};

/// Requests a second that are tried. The fewest first: a board that is asked for more than it can has a queue to work off afterwards.
const RATES: [u32; 6] = [8, 20, 40, 80, 200, 400];
/// How long a rate is tried.
const TRIED: Duration = Duration::from_secs(15);
/// Half of the answers of a rate that is sustained come within this: who comes first waits for those who begin to listen, and where more is
/// asked than can be answered, everybody waits.
const HASTE: Duration = Duration::from_millis(500);

/// What visitors saw: a file below `target/`, to which each run adds.
pub struct Seen(File);

impl Seen {
    /// `target/NAME.log`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn by(fixture: &Fixture, name: &str) -> Result<Self, JourneyError> {
        let path = fixture.paths.project.join("target").join(name).with_extension("log");
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// They saw this while that happened.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, what: &str, sum: &Sum) -> Result<(), JourneyError> {
        Ok(writeln!(self.0, "{what}: {sum}")?)
    }

    /// The same, and nothing failed.
    ///
    /// # Errors
    /// As [`Self::note`], or what failed.
    pub fn without_failure(&mut self, what: &str, sum: &Sum) -> Result<(), JourneyError> {
        self.note(what, sum)?;
        if sum.failed.is_empty() { Ok(()) } else { Err(JourneyError::Failed(format!("{what}: {sum}"))) }
    }
}

/// A `share` of the most requests a second that this board serves without a failure and without haste: what starts beside them wants the
/// processor, too, and here it is emulated.
///
/// # Errors
/// When not even the fewest can be served.
pub fn sustained(
    serving: &Serving,
    listeners: usize,
    share: u32,
    seen: &mut Seen,
) -> Result<u32, JourneyError> {
    let mut most = None;
    for rate in RATES {
        let load = serving.visitors(rate, listeners)?;
        let begun = Instant::now();
        until("the end of a trial", SERVICES, || Ok((begun.elapsed() > TRIED).then_some(())))?;
        let sum = load.end()?;
        seen.note(&format!("{rate} a second, tried"), &sum)?;
        if !sum.failed.is_empty() || sum.percentile(50) > HASTE {
            break;
        }
        most = Some(rate);
    }
    let most = most.ok_or_else(|| JourneyError::Failed("no rate can be sustained".to_owned()))?;
    Ok((most / share).max(1))
}
