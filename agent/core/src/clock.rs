//! What the device knows of the time. Times are seconds since 1970.

use crate::request::status::TimeSource;

/// A clock so much later than the build was set by something that knows the time: the device's own clock ran on.
const DAY: i64 = 86_400;
/// Clocks that differ by so few seconds say the same.
const NEAR: u64 = 2;
/// A hint so much later than the build is none: 20 years.
const FAR: i64 = 20 * 365 * DAY;

/// Where the time came from when the agent starts. systemd has set the clock to the build's time if it was earlier.
#[must_use]
pub const fn at_start(now: i64, build: i64) -> TimeSource {
    if now >= build + DAY { TimeSource::Clock } else { TimeSource::Build }
}

/// The time to set when the device starts: that of the clock with the battery, where it is later and plausible. What the system has is the
/// build's time or the last one that systemd-timesyncd saved: both lie in the past. A clock without a battery counts from 1970 on, or
/// goes on from before a warm restart.
#[must_use]
pub fn from_battery(now: i64, build: i64, kept: i64) -> Option<i64> {
    Some(kept).filter(|kept| (now + 1..build + FAR).contains(kept))
}

/// What the clock with the battery is set to, if it does not say the same.
#[must_use]
pub fn to_battery(now: i64, kept: i64) -> Option<u32> {
    if now.abs_diff(kept) > NEAR { u32::try_from(now).ok() } else { None }
}

/// Whether a battery is there and holds the clock: a full one has 3 V, and the clock stands still below 2 (Raspberry Pi documentation,
/// "Real Time Clock"; its battery is a rechargeable ML-2020).
#[must_use]
pub const fn holds(microvolts: u32) -> bool {
    microvolts >= 2_000_000
}

/// Whether the time is known well enough for certificates that begin today.
#[must_use]
pub const fn is_known(source: TimeSource) -> bool {
    !matches!(source, TimeSource::Build)
}

/// The time to set after a claiming browser said what time it has: only where nothing better is known, and only if it is
/// plausible.
#[must_use]
pub const fn take_hint(source: TimeSource, build: i64, hint: i64) -> Option<i64> {
    if matches!(source, TimeSource::Build) && hint >= build && hint < build + FAR { Some(hint) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_battery_keeps_the_time() {
        let build = 1_795_000_000;
        assert_eq!(from_battery(build, build, build + 500), Some(build + 500));
        assert_eq!(from_battery(build, build, 77), None, "it was never set, or has no battery");
        assert_eq!(
            from_battery(build + 2 * DAY, build, build + 9 * DAY),
            Some(build + 9 * DAY),
            "the last saved time"
        );
        assert_eq!(from_battery(build + 2 * DAY, build, build + 500), None, "it stood still");
        assert_eq!(from_battery(build, build, build + FAR), None);
        assert_eq!((to_battery(100, 98), to_battery(100, 97), to_battery(-5, 9)), (None, Some(100), None));
        assert!(holds(3_000_000) && !holds(0));
    }

    #[test]
    fn only_an_unknown_time_takes_a_plausible_hint() {
        let build = 1_795_000_000;
        assert_eq!(at_start(build + 30, build), TimeSource::Build);
        assert_eq!(at_start(build + DAY, build), TimeSource::Clock);
        assert_eq!(take_hint(TimeSource::Build, build, build + 5), Some(build + 5));
        assert_eq!(take_hint(TimeSource::Build, build, build - 1), None);
        assert_eq!(take_hint(TimeSource::Build, build, i64::MAX), None);
        for known in [TimeSource::Browser, TimeSource::Clock, TimeSource::Network] {
            assert!(is_known(known));
            assert_eq!(take_hint(known, build, build + 5), None);
        }
        assert!(!is_known(TimeSource::Build));
    }
}
