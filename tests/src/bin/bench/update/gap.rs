//! How long a device is away while it restarts into an update, and until that is committed. In the virtual Pi 5, whose time is
//! not a Pi's.

use std::time::{Duration, Instant};

use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;

use crate::failed;

/// In seconds.
pub(super) struct Gap {
    /// From the wish to restart to the new default slot.
    pub(super) committed: f64,
    /// From the last answer to the next.
    pub(super) away: f64,
}

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) fn measure(fixture: &Fixture) -> Result<Gap, JourneyError> {
    let mut owned = Owned::switched_on(fixture, Medium::Nvme, |_| ())?;
    let answer = owned.upload(&fixture.bundle("next")?)?;
    if answer.status != 200 {
        return Err(failed(answer.text));
    }
    let before = owned.updates()?.unwrap_or_default();
    owned.script.ask("POST", "/updates/restart?reboot=true", None)?;
    let began = Instant::now();
    let (mut last, mut away) = (began, Duration::ZERO);
    while began.elapsed() < PATIENCE {
        let Some(now) = owned.updates()? else { continue };
        away = away.max(last.elapsed());
        last = Instant::now();
        if now["phase"] == "idle" && now["last"] != before["last"] {
            return Ok(Gap { committed: began.elapsed().as_secs_f64(), away: away.as_secs_f64() });
        }
    }
    Err(failed("the update did not end"))
}
