//! The Pi 5's own power button, for people without a button at the header: one press switches off in order, five within three seconds
//! do what the button's long press does. A function of presses and of time; reading the key and acting are left to the agent. It cannot be
//! held: the power chip cuts the supply then. The kernel takes its bouncing away (gpio-keys, `debounce-interval`). Times are since the
//! start of the device.

use std::time::Duration;

use crate::button::{Act, CONFIRM};

/// Presses count together when they lie within so long.
pub const WINDOW: Duration = Duration::from_secs(3);
/// So many of them are the gesture.
pub const PRESSES: u8 = 5;
/// A second gesture within so long of the first arms the factory reset.
pub const AGAIN: Duration = Duration::from_secs(10);

/// A press that confirms comes so long after the reset was armed, or later: whoever goes on pressing a device that does not react confirms
/// nothing.
pub const PAUSE: Duration = Duration::from_secs(2);

/// What a person did with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Switch off in order.
    PowerOff,
    /// What the button at the header would have meant.
    Button(Act),
}

/// How far a person is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nobody presses.
    #[default]
    Rest,
    /// Presses are counted since the first.
    Counting { first: Duration, count: u8 },
    /// Armed since; a press confirms.
    Armed(Duration),
}

/// The power key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PowerKey {
    phase: Phase,
    /// The last gesture.
    gesture: Option<Duration>,
}

impl PowerKey {
    /// It was pressed at `now`.
    #[must_use]
    pub fn pressed(&mut self, now: Duration) -> Option<Wish> {
        // What ended before this press is ended first; a press that switches off needs no further one.
        if let Some(wish) = self.waits(now) {
            return Some(wish);
        }
        match self.phase {
            Phase::Rest => {
                self.phase = Phase::Counting { first: now, count: 1 };
                None
            }
            Phase::Counting { first, count } if count + 1 < PRESSES => {
                self.phase = Phase::Counting { first, count: count + 1 };
                None
            }
            Phase::Counting { .. } => Some(Wish::Button(self.gesture(now))),
            Phase::Armed(since) => {
                *self = Self::default();
                let act = if now.saturating_sub(since) < PAUSE { Act::Cancelled } else { Act::Reset };
                Some(Wish::Button(act))
            }
        }
    }

    /// Called at [`PowerKey::wakes`].
    #[must_use]
    pub fn waits(&mut self, now: Duration) -> Option<Wish> {
        if self.wakes().is_none_or(|end| now < end) {
            return None;
        }
        let wish = match self.phase {
            Phase::Rest => return None,
            Phase::Counting { .. } => Wish::PowerOff,
            Phase::Armed(_) => Wish::Button(Act::Cancelled),
        };
        *self = Self::default();
        Some(wish)
    }

    /// When it has to be looked at again though nobody presses; never if nothing waits.
    #[must_use]
    pub fn wakes(&self) -> Option<Duration> {
        match self.phase {
            Phase::Rest => None,
            Phase::Counting { first, .. } => Some(first + WINDOW),
            Phase::Armed(since) => Some(since + CONFIRM),
        }
    }

    fn gesture(&mut self, now: Duration) -> Act {
        let again = self.gesture.take().is_some_and(|first| now.saturating_sub(first) < AGAIN);
        if again {
            self.phase = Phase::Armed(now);
            return Act::Armed;
        }
        (self.phase, self.gesture) = (Phase::Rest, Some(now));
        Act::Code
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happens when it is pressed after so many milliseconds each, and then left alone.
    fn wishes(pauses: &[u64]) -> Vec<Wish> {
        let (mut key, mut now, mut wishes) = (PowerKey::default(), Duration::ZERO, Vec::new());
        for pause in pauses {
            let then = now + Duration::from_millis(*pause);
            if let Some(wakes) = key.wakes().filter(|wakes| *wakes <= then) {
                wishes.extend(key.waits(wakes));
            }
            now = then;
            wishes.extend(key.pressed(now));
        }
        wishes.extend(key.wakes().and_then(|wakes| key.waits(wakes)));
        wishes
    }

    const FIVE: [u64; 5] = [4000, 300, 300, 300, 300];

    #[test]
    fn the_gestures() {
        use Wish::{Button, PowerOff};
        let (code, armed) = (Button(Act::Code), Button(Act::Armed));
        let rows: [(&str, Vec<u64>, Vec<Wish>); 9] = [
            ("eleven in a row", vec![200; 11], vec![code, armed, Button(Act::Cancelled)]),
            ("one press", vec![1000], vec![PowerOff]),
            ("four presses", FIVE[1..].to_vec(), vec![PowerOff]),
            ("five within three seconds", FIVE.to_vec(), vec![code]),
            ("five in more", vec![1000, 900, 900, 900, 900], vec![PowerOff, PowerOff]),
            ("five, and five again", [FIVE, FIVE].concat(), vec![code, armed, Button(Act::Cancelled)]),
            (
                "and one that confirms",
                [FIVE.as_slice(), &FIVE, &[2000]].concat(),
                vec![code, armed, Button(Act::Reset)],
            ),
            (
                "one that confirms too late",
                [FIVE.as_slice(), &FIVE, &[10_001]].concat(),
                vec![code, armed, Button(Act::Cancelled), PowerOff],
            ),
            (
                "five, and five much later",
                [FIVE.as_slice(), &[9000, 300, 300, 300, 300]].concat(),
                vec![code, code],
            ),
        ];
        for (name, pauses, wanted) in rows {
            assert_eq!(wishes(&pauses), wanted, "{name}");
        }
    }

    proptest! {
        /// Whoever goes on pressing destroys nothing.
        #[test]
        fn impatience_does_not_reset(pauses in prop::collection::vec(1..1900_u64, 0..200)) {
            prop_assert!(!wishes(&pauses).contains(&Wish::Button(Act::Reset)));
        }

        /// However it is pressed: a reset follows an armed one, which follows a code, and nothing lies between them.
        #[test]
        fn nothing_resets_by_chance(pauses in prop::collection::vec(1..12_000_u64, 0..80)) {
            let all = wishes(&pauses);
            for (index, wish) in all.iter().enumerate() {
                let before = index.checked_sub(1).map(|before| all[before]);
                if *wish == Wish::Button(Act::Reset) {
                    prop_assert_eq!(before, Some(Wish::Button(Act::Armed)));
                }
                if *wish == Wish::Button(Act::Armed) {
                    prop_assert_eq!(before, Some(Wish::Button(Act::Code)));
                }
            }
        }
    }
}
