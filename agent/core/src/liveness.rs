//! Whether every loop of the agent still turns. Each beats; who does not in time keeps the agent from telling systemd that it is well, and
//! systemd starts it anew. Times are since the start of the device.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The pulse of one loop.
#[derive(Debug)]
pub struct Pulse {
    name: &'static str,
    limit: Duration,
    /// Milliseconds; 0 before the first.
    last: AtomicU64,
}

impl Pulse {
    /// Of a loop that beats within `limit`.
    #[must_use]
    pub const fn new(name: &'static str, limit: Duration) -> Self {
        Self { name, limit, last: AtomicU64::new(0) }
    }

    /// It turned once more.
    pub fn beat(&self, now: Duration) {
        self.last.store(milliseconds(now), Ordering::Relaxed);
    }

    /// Its name, if it should have beaten by now; `started` is when it was to begin.
    #[must_use]
    pub fn is_late(&self, started: Duration, now: Duration) -> Option<&'static str> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed)).max(started);
        (now.saturating_sub(last) > self.limit).then_some(self.name)
    }
}

/// The pulses of all loops that turn by the clock. Those that wait for events prove nothing by waiting.
#[derive(Debug)]
pub struct Pulses {
    /// Temperatures and the fan: every second.
    pub thermal: Pulse,
    /// Drives and the supply: every minute; a drive may take its time.
    pub hardware: Pulse,
    /// The LED: every rhythm; before it a slow drive may be asked.
    pub led: Pulse,
}

impl Default for Pulses {
    fn default() -> Self {
        Self {
            thermal: Pulse::new("the fan", Duration::from_secs(30)),
            hardware: Pulse::new("drives and supply", Duration::from_secs(600)),
            led: Pulse::new("the LED", Duration::from_secs(60)),
        }
    }
}

impl Pulses {
    /// The loops that hang.
    #[must_use]
    pub fn late(&self, started: Duration, now: Duration) -> Vec<&'static str> {
        [&self.thermal, &self.hardware, &self.led]
            .into_iter()
            .filter_map(|pulse| pulse.is_late(started, now))
            .collect()
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_hangs_is_named() {
        let (pulses, start) = (Pulses::default(), Duration::from_secs(10));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pulses.late(start, at(30)), Vec::<&str>::new(), "it may take so long to begin");
        pulses.thermal.beat(at(30));
        assert_eq!(pulses.late(start, at(60)), Vec::<&str>::new());
        assert_eq!(pulses.late(start, at(61)), ["the fan", "the LED"]);
        pulses.led.beat(at(61));
        assert_eq!(pulses.late(start, at(601)), ["the fan", "drives and supply", "the LED"]);
    }
}
