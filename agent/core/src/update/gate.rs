//! The health gate: whether a system on trial may stay.

use std::time::Duration;

use crate::update::reason::Reason;

/// How long a trial may take in all, since the kernel started.
pub const LONGEST: Duration = Duration::from_secs(300);

/// A check of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its name, as people read it.
    pub name: &'static str,
    /// When it must have passed, since the kernel started.
    pub deadline: Duration,
}

/// What a check found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing yet; what it waits for, as a sentence.
    Waiting(String),
    /// It passed.
    Passed,
    /// It failed; why, as a sentence.
    Failed(String),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Look again, at this time at the latest.
    Wait(Duration),
    /// It may stay.
    Healthy,
    /// It may not.
    Unhealthy(Reason),
}

/// Judges at `now`, counted on the monotonic clock since the kernel started: a clock that is set meanwhile ends no trial.
#[must_use]
pub fn judge(checks: &[(Check, Finding)], now: Duration) -> Verdict {
    let mut wake = None;
    for (check, finding) in checks {
        let failed = |found: &str| {
            Verdict::Unhealthy(Reason::Check { name: check.name.to_owned(), found: found.to_owned() })
        };
        match finding {
            Finding::Passed => {}
            Finding::Failed(found) => return failed(found),
            Finding::Waiting(found) if now >= check.deadline.min(LONGEST) => return failed(found),
            Finding::Waiting(_) => {
                let end = check.deadline.min(LONGEST);
                wake = Some(wake.map_or(end, |wake: Duration| wake.min(end)));
            }
        }
    }
    wake.map_or(Verdict::Healthy, Verdict::Wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, deadline: u64) -> Check {
        Check { name, deadline: Duration::from_secs(deadline) }
    }

    #[test]
    fn the_table() {
        let waits = || Finding::Waiting("It does not answer.".into());
        let bad = |name: &str, found: &str| {
            Verdict::Unhealthy(Reason::Check { name: name.into(), found: found.into() })
        };
        let seconds = Duration::from_secs;
        let rows = [
            ("nothing to check", vec![], 0, Verdict::Healthy),
            (
                "all passed",
                vec![(check("a", 10), Finding::Passed), (check("b", 10), Finding::Passed)],
                99,
                Verdict::Healthy,
            ),
            (
                "one waits",
                vec![(check("a", 20), waits()), (check("b", 10), waits())],
                9,
                Verdict::Wait(seconds(10)),
            ),
            ("a deadline", vec![(check("a", 10), waits())], 10, bad("a", "It does not answer.")),
            (
                "one failed while another waits",
                vec![(check("a", 10), waits()), (check("b", 10), Finding::Failed("Two.".into()))],
                1,
                bad("b", "Two."),
            ),
            (
                "no check may wait for ever",
                vec![(check("a", 9999), waits())],
                300,
                bad("a", "It does not answer."),
            ),
        ];
        for (name, checks, now, wanted) in rows {
            assert_eq!(judge(&checks, seconds(now)), wanted, "{name}");
        }
    }
}
