//! When the setup network is open: a device without an owner that nothing else connects opens it after a while, and
//! closes it when it has an owner, or when a cable is there to stay and nobody is in it. Slow on purpose: a loose cable
//! or a restarting router must not take the network away from whoever is in the middle of the setup.

use std::time::Duration;

/// So long nothing connects the device before the network opens.
pub const DARK: Duration = Duration::from_secs(60);
/// So long something else connects the device, with nobody in the network, before it closes.
pub const LIT: Duration = Duration::from_secs(60);
/// So long nobody is in the network before the radio looks for the wanted network again: after a power cut a router may
/// take longer than [`DARK`].
pub const LONELY: Duration = Duration::from_secs(300);

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Somebody owns the device.
    pub owned: bool,
    /// There is a radio.
    pub radio: bool,
    /// A cable is plugged in, or the wanted wireless network is joined.
    pub connected: bool,
    /// The state names a wireless network.
    pub wanted: bool,
    /// A change is on trial: the radio is needed for it.
    pub trial: bool,
    /// Devices in the setup network.
    pub guests: usize,
}

/// The network, and since when it has a reason to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Closed; nothing has connected the device since then.
    Closed {
        /// None while something does.
        dark: Option<Duration>,
    },
    /// Open.
    Open {
        /// Since then something else connects the device and nobody is in the network.
        lit: Option<Duration>,
        /// Since then nobody is in the network.
        lonely: Option<Duration>,
    },
    /// Closed for the trial of another network; open again after it, unless that connects the device.
    Paused,
}

impl Default for Setup {
    fn default() -> Self {
        Self::Closed { dark: None }
    }
}

impl Setup {
    /// Open from now on, with somebody in it or not.
    fn open(facts: Facts, now: Duration) -> Self {
        let alone = facts.guests == 0;
        Self::Open { lit: (alone && facts.connected).then_some(now), lonely: alone.then_some(now) }
    }

    /// Whether it is to be open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// At the beginning of a trial: closed at once if it is open.
    #[must_use]
    pub const fn paused(self) -> Self {
        match self {
            Self::Open { .. } => Self::Paused,
            other => other,
        }
    }

    /// When the next decision is due by itself; it may turn out to be none.
    #[must_use]
    pub fn wake(self) -> Option<Duration> {
        match self {
            Self::Closed { dark } => dark.map(|since| since + DARK),
            Self::Open { lit: Some(since), .. } => Some(since + LIT),
            Self::Open { lonely, .. } => lonely.map(|since| since + LONELY),
            Self::Paused => None,
        }
    }

    /// Decides; the same facts at the same time twice change nothing more.
    #[must_use]
    pub fn next(self, facts: Facts, now: Duration) -> Self {
        if facts.owned || !facts.radio {
            return Self::Closed { dark: None };
        }
        match self {
            Self::Open { .. } | Self::Paused if facts.trial => Self::Paused,
            Self::Paused if facts.connected => Self::Closed { dark: None },
            Self::Paused => Self::open(facts, now),
            Self::Closed { .. } if facts.connected || facts.trial => Self::Closed { dark: None },
            Self::Closed { dark } => match dark.unwrap_or(now) {
                since if now >= since + DARK => Self::open(facts, now),
                since => Self::Closed { dark: Some(since) },
            },
            Self::Open { .. } if facts.guests > 0 => Self::open(facts, now),
            Self::Open { lit, lonely } => {
                let lonely = lonely.unwrap_or(now);
                let lit = facts.connected.then(|| lit.unwrap_or(now));
                if lit.is_some_and(|since| now >= since + LIT) {
                    Self::Closed { dark: None }
                } else if facts.wanted && now >= lonely + LONELY {
                    Self::Closed { dark: Some(now) }
                } else {
                    Self::Open { lit, lonely: Some(lonely) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const ALONE: Facts =
        Facts { owned: false, radio: true, connected: false, wanted: false, trial: false, guests: 0 };

    /// What a device does whose facts change at these seconds, looked at every second; the seconds of each change.
    fn story(changes: &[(u64, Facts)], end: u64) -> Vec<(u64, bool)> {
        let mut setup = Setup::default();
        let mut open = Vec::new();
        for second in 0..=end {
            let facts = changes.iter().rev().find(|(from, _)| *from <= second).unwrap().1;
            let before = setup.is_open();
            setup = setup.next(facts, at(second));
            assert_eq!(setup.next(facts, at(second)), setup, "the same twice");
            if setup.is_open() != before {
                open.push((second, setup.is_open()));
            }
        }
        open
    }

    #[test]
    fn opens_after_a_minute_in_the_dark_and_closes_for_an_owner() {
        let owned = Facts { owned: true, ..ALONE };
        assert_eq!(story(&[(0, ALONE), (100, owned)], 300), [(60, true), (100, false)]);
        assert_eq!(story(&[(0, Facts { radio: false, ..ALONE })], 300), []);
        assert_eq!(story(&[(0, owned)], 300), []);
    }

    #[test]
    fn a_loose_cable_does_not_flap() {
        let cable = Facts { connected: true, ..ALONE };
        let loose: Vec<_> = (0..60).map(|n| (n * 20, if n % 2 == 0 { ALONE } else { cable })).collect();
        assert_eq!(story(&loose, 1200), [], "never dark long enough");
        let mut later = vec![(0, ALONE)];
        later.extend((4..60).map(|n| (n * 20, if n % 2 == 0 { cable } else { ALONE })));
        assert_eq!(story(&later, 1200), [(60, true)], "never lit long enough");
    }

    #[test]
    fn a_cable_that_stays_closes_it_when_nobody_is_in_it() {
        let cable = Facts { connected: true, ..ALONE };
        let guest = Facts { guests: 1, ..cable };
        assert_eq!(story(&[(0, ALONE), (70, cable)], 300), [(60, true), (130, false)]);
        assert_eq!(story(&[(0, ALONE), (70, guest), (500, cable)], 900), [(60, true), (560, false)]);
    }

    #[test]
    fn a_trial_takes_the_radio_and_gives_it_back() {
        let trial = Facts { trial: true, ..ALONE };
        let joined = Facts { connected: true, ..ALONE };
        assert_eq!(
            story(&[(0, ALONE), (80, trial), (140, ALONE)], 300),
            [(60, true), (80, false), (140, true)]
        );
        assert_eq!(story(&[(0, ALONE), (80, trial), (140, joined)], 400), [(60, true), (80, false)]);
    }

    #[test]
    fn a_wanted_network_is_looked_for_now_and_then() {
        let wanted = Facts { wanted: true, ..ALONE };
        assert_eq!(story(&[(0, wanted)], 450), [(60, true), (360, false), (420, true)]);
        assert_eq!(story(&[(0, Facts { guests: 1, ..wanted })], 4000), [(60, true)]);
    }

    proptest! {
        /// Between two openings lies at least the time that makes a device dark, whatever the cable does.
        #[test]
        fn never_flaps(cable in proptest::collection::vec(any::<bool>(), 1..600)) {
            let facts: Vec<_> = cable
                .iter()
                .enumerate()
                .map(|(second, connected)| (second as u64, Facts { connected: *connected, ..ALONE }))
                .collect();
            let changes = story(&facts, cable.len() as u64);
            for pair in changes.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 >= 60, "{changes:?}");
            }
        }
    }
}
