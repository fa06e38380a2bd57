//! A fan that should turn and does not.

use std::time::Duration;

use super::Duty;

/// It may take so long to get going.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches a fan whose turns are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tacho {
    still_since: Option<Duration>,
}

impl Tacho {
    /// Whether it should turn for a while and does not. `turns` in a minute; none where nothing counts them.
    #[must_use]
    pub fn is_stuck(&mut self, duty: Duty, turns: Option<u32>, now: Duration) -> bool {
        if duty == Duty::OFF || turns != Some(0) {
            self.still_since = None;
            return false;
        }
        now.saturating_sub(*self.still_since.get_or_insert(now)) > PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_gets_time_to_start() {
        let mut tacho = Tacho::default();
        let mut at = |duty: u8, turns, second| {
            tacho.is_stuck(Duty::try_from(duty).unwrap(), turns, Duration::from_secs(second))
        };
        assert!(!at(50, Some(0), 1) && !at(50, Some(0), 11));
        assert!(at(50, Some(0), 12));
        assert!(!at(50, Some(900), 13) && !at(50, Some(0), 14) && !at(50, Some(0), 24));
        assert!(!at(0, Some(0), 25), "it need not turn");
        assert!(!at(50, None, 90) && !at(50, None, 190), "nobody knows");
    }
}
