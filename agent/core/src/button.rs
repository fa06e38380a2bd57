//! The device's button: one key for status, for a way back in, and for a clean device. A function of the line's level and of time; reading
//! the line and acting are left to the agent. Times are since the start of the device.

use std::time::Duration;

/// A level counts once it has been the same for so long: contacts bounce for a few milliseconds.
pub const DEBOUNCE: Duration = Duration::from_millis(30);
/// Held for so long, it offers a way back in.
pub const CODE: Duration = Duration::from_secs(5);
/// Held for so long, it arms a factory reset.
pub const ARM: Duration = Duration::from_secs(15);
/// An armed reset waits for so long: to be let go, and then to be confirmed.
pub const CONFIRM: Duration = Duration::from_secs(10);

/// What a person did with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A short press: show how the device is.
    Status,
    /// Held for [`CODE`], and let go before [`ARM`]: show a code that sets a new password.
    Code,
    /// Held for [`ARM`]: a factory reset waits to be confirmed.
    Armed,
    /// It waits no more: nothing happens.
    Cancelled,
    /// A second press confirmed it: everything goes.
    Reset,
}

/// How far a person is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nobody presses.
    #[default]
    Rest,
    /// Pressed since.
    Held(Duration),
    /// Armed since, and still pressed.
    Armed(Duration),
    /// Let go since; a press confirms.
    Waiting(Duration),
    /// Pressed since, to confirm.
    Confirming(Duration),
    /// Pressed, and counts for nothing until it is let go.
    Spent,
}

/// The button.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Button {
    /// The level that was seen last, and since when.
    seen: (bool, Duration),
    /// The level that counts.
    pressed: bool,
    phase: Phase,
}

impl Button {
    /// The line is pressed, or not, at `now`. Called at each change of the line, and at [`Button::wakes`].
    #[must_use]
    pub fn look(&mut self, pressed: bool, now: Duration) -> Option<Act> {
        if pressed != self.seen.0 {
            self.seen = (pressed, now);
        }
        if self.seen.0 != self.pressed && now.saturating_sub(self.seen.1) >= DEBOUNCE {
            self.pressed = self.seen.0;
            let (phase, act) = self.phase.changes(self.pressed, now);
            self.phase = phase;
            return act;
        }
        let (phase, act) = self.phase.waits(now);
        self.phase = phase;
        act
    }

    /// When it has to be looked at again though the line does not change; never if nobody presses.
    #[must_use]
    pub fn wakes(&self) -> Option<Duration> {
        let settles = (self.seen.0 != self.pressed).then(|| self.seen.1 + DEBOUNCE);
        settles.into_iter().chain(self.phase.ends()).min()
    }
}

impl Phase {
    /// The table of what changes of the line do.
    fn changes(self, pressed: bool, now: Duration) -> (Self, Option<Act>) {
        match (self, pressed) {
            (Self::Rest, true) => (Self::Held(now), None),
            (Self::Held(from), false) if now.saturating_sub(from) >= ARM => {
                (Self::Waiting(now), Some(Act::Armed))
            }
            (Self::Held(from), false) if now.saturating_sub(from) >= CODE => (Self::Rest, Some(Act::Code)),
            (Self::Held(_), false) => (Self::Rest, Some(Act::Status)),
            (Self::Armed(from), false) if now.saturating_sub(from) < CONFIRM => (Self::Waiting(now), None),
            (Self::Waiting(from), true) if now.saturating_sub(from) < CONFIRM => {
                (Self::Confirming(now), None)
            }
            (Self::Confirming(from), false) if now.saturating_sub(from) < CODE => {
                (Self::Rest, Some(Act::Reset))
            }
            (Self::Armed(_) | Self::Confirming(_), false) => (Self::Rest, Some(Act::Cancelled)),
            (Self::Waiting(_), true) => (Self::Spent, Some(Act::Cancelled)),
            (Self::Spent, false) => (Self::Rest, None),
            (other, _) => (other, None),
        }
    }

    /// The table of what time does.
    fn waits(self, now: Duration) -> (Self, Option<Act>) {
        if self.ends().is_none_or(|end| now < end) {
            return (self, None);
        }
        match self {
            Self::Held(from) => (Self::Armed(from + ARM), Some(Act::Armed)),
            // A button that hangs, or a person who thinks again.
            Self::Armed(_) | Self::Confirming(_) => (Self::Spent, Some(Act::Cancelled)),
            Self::Waiting(_) => (Self::Rest, Some(Act::Cancelled)),
            other => (other, None),
        }
    }

    fn ends(self) -> Option<Duration> {
        match self {
            Self::Rest | Self::Spent => None,
            Self::Held(from) => Some(from + ARM),
            Self::Armed(from) | Self::Waiting(from) => Some(from + CONFIRM),
            Self::Confirming(from) => Some(from + CODE),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happens when somebody presses (true) and lets go for so many milliseconds each.
    fn acts(presses: &[(bool, u64)]) -> Vec<Act> {
        let (mut button, mut now, mut acts) = (Button::default(), Duration::ZERO, Vec::new());
        for (pressed, milliseconds) in presses {
            let end = now + Duration::from_millis(*milliseconds);
            acts.extend(button.look(*pressed, now));
            while let Some(wakes) = button.wakes().filter(|wakes| *wakes < end) {
                now = wakes;
                acts.extend(button.look(*pressed, now));
            }
            now = end;
        }
        acts
    }

    /// What is done, how, and what comes of it.
    type Row<'a> = (&'a str, &'a [(bool, u64)], &'a [Act]);

    #[test]
    fn the_gestures() {
        use Act::{Armed, Cancelled, Code, Reset, Status};
        let rows: [Row<'_>; 11] = [
            ("a short press", &[(true, 200), (false, 500)], &[Status]),
            (
                "one that bounces",
                &[(true, 5), (false, 3), (true, 200), (false, 4), (true, 2), (false, 500)],
                &[Status],
            ),
            ("noise", &[(true, 20), (false, 500)], &[]),
            ("five seconds", &[(true, 5200), (false, 500)], &[Code]),
            ("almost fifteen", &[(true, 14_900), (false, 500)], &[Code]),
            ("fifteen, and nothing more", &[(true, 15_200), (false, 12_000)], &[Armed, Cancelled]),
            (
                "fifteen, and once more",
                &[(true, 15_200), (false, 2000), (true, 200), (false, 500)],
                &[Armed, Reset],
            ),
            (
                "once more too late",
                &[(true, 15_200), (false, 10_100), (true, 200), (false, 500)],
                &[Armed, Cancelled, Status],
            ),
            (
                "once more for too long",
                &[(true, 15_200), (false, 2000), (true, 6000), (false, 500)],
                &[Armed, Cancelled],
            ),
            ("a button that hangs", &[(true, 600_000), (false, 500)], &[Armed, Cancelled]),
            (
                "a button that hangs, then a press",
                &[(true, 60_000), (false, 500), (true, 200), (false, 500)],
                &[Armed, Cancelled, Status],
            ),
        ];
        for (name, presses, wanted) in rows {
            assert_eq!(acts(presses), wanted, "{name}");
        }
    }

    proptest! {
        /// Whatever happens on the line: a reset follows an armed one within its time, and nothing lies between the two.
        #[test]
        fn nothing_resets_by_chance(presses in prop::collection::vec((any::<bool>(), 1..20_000_u64), 0..60)) {
            let all = acts(&presses);
            for (index, act) in all.iter().enumerate() {
                if *act == Act::Reset {
                    prop_assert_eq!(index.checked_sub(1).map(|before| all[before]), Some(Act::Armed));
                }
            }
        }

        /// Noise that is shorter than a contact's bounce does nothing.
        #[test]
        fn noise_does_nothing(presses in prop::collection::vec((any::<bool>(), 1..29_u64), 0..60)) {
            let mut alternating = Vec::new();
            for (index, (_, milliseconds)) in presses.iter().enumerate() {
                alternating.push((index % 2 == 0, *milliseconds));
            }
            alternating.push((false, 100));
            prop_assert_eq!(acts(&alternating), Vec::new());
        }
    }
}
