//! How far an update is: bytes, speed, seconds left, and a stall that is called a stall.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Speed is measured over so long.
const WINDOW: Duration = Duration::from_secs(10);
/// Without a byte for so long, it stalls.
const STALL: Duration = Duration::from_secs(15);

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Progress {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes a second, lately.
    pub per_second: u64,
    /// Seconds left at this speed; none while nothing moves.
    pub seconds_left: Option<u64>,
    /// Nothing has moved for [`STALL`].
    pub stalled: bool,
}

/// Counts. Times are those of the monotonic clock.
#[derive(Debug, Clone)]
pub struct Meter {
    total: u64,
    marks: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// Nothing is done yet.
    #[must_use]
    pub fn new(total: u64, now: Duration) -> Self {
        Self { total, marks: VecDeque::from([(now, 0)]) }
    }

    /// So many bytes are done in all.
    pub fn reached(&mut self, done: u64, now: Duration) {
        if self.marks.back().is_some_and(|(_, before)| *before == done) {
            return;
        }
        self.marks.push_back((now, done));
        // One mark from before the window stays: the speed is measured from there.
        while self.marks.get(1).is_some_and(|(time, _)| now.saturating_sub(*time) > WINDOW) {
            self.marks.pop_front();
        }
    }

    /// What is shown at `now`.
    #[must_use]
    pub fn progress(&self, now: Duration) -> Progress {
        let first = self.marks.front().copied().unwrap_or_default();
        let last = self.marks.back().copied().unwrap_or_default();
        let stalled = now.saturating_sub(last.0) >= STALL && last.1 < self.total;
        let millis = u64::try_from(now.saturating_sub(first.0).as_millis()).unwrap_or(u64::MAX).max(1);
        let per_second = if stalled { 0 } else { (last.1 - first.1).saturating_mul(1000) / millis };
        let left = self.total.saturating_sub(last.1);
        let seconds_left = (per_second > 0).then(|| left.div_ceil(per_second));
        Progress { done: last.1, total: self.total, per_second, seconds_left, stalled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let mut meter = Meter::new(10_000, seconds(0));
        assert_eq!(meter.progress(seconds(0)).seconds_left, None);
        for second in 1..=20 {
            meter.reached(second * 10, seconds(second));
        }
        let steady = meter.progress(seconds(20));
        assert_eq!((steady.done, steady.per_second, steady.seconds_left), (200, 10, Some(980)));
        for second in 21..=40 {
            meter.reached(200 + (second - 20) * 200, seconds(second));
        }
        assert_eq!(meter.progress(seconds(40)).per_second, 200);
    }

    #[test]
    fn a_stall_is_called_one() {
        let mut meter = Meter::new(1000, seconds(0));
        meter.reached(500, seconds(5));
        assert!(!meter.progress(seconds(19)).stalled);
        let stalled = meter.progress(seconds(20));
        assert_eq!((stalled.stalled, stalled.per_second, stalled.seconds_left), (true, 0, None));
        meter.reached(1000, seconds(21));
        let done = meter.progress(seconds(99));
        assert_eq!((done.stalled, done.done), (false, 1000));
    }
}
