//! What the status LED says: which of the device's conditions is shown, and as which rhythm. A function of facts and of time; driving the
//! LED is left to the agent. The kernel lights it steadily until the agent does (tayberry-led.dts): a steady light is a device that starts,
//! or one whose agent hangs.

use std::time::Duration;

use crate::request::status::Health;
use crate::request::update::UpdatePhase;
use crate::status::State;

/// A digit of a code and the next are so far apart.
const BETWEEN_DIGITS: u64 = 1400;
/// A rhythm and its repetition are so far apart.
const PAUSE: u64 = 2000;

/// What can be shown; the first that holds, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    /// A factory reset waits to be confirmed.
    Armed,
    /// The button was pressed: seen.
    Seen,
    /// A one-time code, digit by digit.
    Code(String),
    /// An update is fetched, written or started.
    Updating,
    /// A new system is on trial.
    Trial,
    /// Something is to be looked at.
    Attention,
    /// Nobody owns the device.
    ClaimMe,
    /// All is well.
    Healthy,
}

/// What the rhythm depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What a person does with the button, and has not ended.
    pub button: Option<Show>,
    /// Where an update is.
    pub update: UpdatePhase,
    /// Of the slots.
    pub state: State,
    /// The status page's verdict.
    pub health: Health,
    /// Somebody owns it.
    pub owned: bool,
}

impl Show {
    /// The most urgent of all.
    #[must_use]
    pub fn choose(facts: Facts) -> Self {
        use UpdatePhase::{Idle, Staged, Trial};
        if let Some(show) = facts.button {
            return show;
        }
        if facts.update == Trial || facts.state == State::Trial {
            return Self::Trial;
        }
        if !matches!(facts.update, Idle | Staged) {
            return Self::Updating;
        }
        match (facts.owned, facts.health) {
            (_, Health::Attention) => Self::Attention,
            (false, Health::Good) => Self::ClaimMe,
            (true, Health::Good) => Self::Healthy,
        }
    }

    /// The rhythm, which repeats: milliseconds lit and dark, in turn.
    #[must_use]
    pub fn rhythm(&self) -> Vec<u64> {
        match self {
            Self::Armed => vec![60, 60],
            Self::Seen => vec![1500, 500],
            Self::Code(digits) => digits.chars().flat_map(flashes).chain(code_end()).collect(),
            Self::Updating => vec![250, 250],
            Self::Trial => vec![150, 200, 150, PAUSE],
            Self::Attention => vec![150, 200, 150, 200, 150, PAUSE],
            Self::ClaimMe => vec![1000, 1000],
            // Short, because it is looked at in bedrooms; each flash is the agent's own, so that its end is seen.
            Self::Healthy => vec![40, 2960],
        }
    }
}

/// A digit: as many flashes; ten for zero.
fn flashes(digit: char) -> Vec<u64> {
    let count = digit.to_digit(10).filter(|digit| *digit > 0).unwrap_or(10);
    let mut all: Vec<u64> = (0..count).flat_map(|_| [200, 300]).collect();
    if let Some(last) = all.last_mut() {
        *last = BETWEEN_DIGITS;
    }
    all
}

/// A long light: the code begins anew.
fn code_end() -> [u64; 2] {
    [1500, PAUSE]
}

/// Whether a rhythm is lit `since` its beginning, and how long it stays so.
#[must_use]
pub fn lit(rhythm: &[u64], since: Duration) -> (bool, Duration) {
    let whole: u64 = rhythm.iter().sum();
    let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).checked_rem(whole).unwrap_or(0);
    let mut end = 0;
    for (index, length) in rhythm.iter().enumerate() {
        end += length;
        if since < end {
            return (index % 2 == 0, Duration::from_millis(end - since));
        }
    }
    (true, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts {
            button: None,
            update: UpdatePhase::Idle,
            state: State::Committed,
            health: Health::Good,
            owned: true,
        }
    }

    #[test]
    fn the_most_urgent_is_shown() {
        let rows = [
            (facts(), Show::Healthy),
            (Facts { owned: false, ..facts() }, Show::ClaimMe),
            (Facts { owned: false, health: Health::Attention, ..facts() }, Show::Attention),
            (Facts { update: UpdatePhase::Staged, ..facts() }, Show::Healthy),
            (Facts { update: UpdatePhase::Writing, health: Health::Attention, ..facts() }, Show::Updating),
            (Facts { state: State::Trial, health: Health::Attention, ..facts() }, Show::Trial),
            (Facts { update: UpdatePhase::Trial, ..facts() }, Show::Trial),
            (Facts { button: Some(Show::Armed), update: UpdatePhase::Writing, ..facts() }, Show::Armed),
        ];
        for (facts, wanted) in rows {
            assert_eq!(Show::choose(facts.clone()), wanted, "{facts:?}");
        }
    }

    /// A code as a person reads it off the LED: flashes are counted until it stays dark for longer.
    fn read(rhythm: &[u64]) -> String {
        let (mut digits, mut count) = (String::new(), 0);
        for pair in rhythm.chunks(2) {
            if pair[0] > 1000 {
                return digits;
            }
            count += 1;
            if pair[1] > 1000 {
                digits.push_str(&(count % 10).to_string());
                count = 0;
            }
        }
        digits
    }

    #[test]
    fn every_rhythm_is_another_and_can_be_seen() {
        let shows = [
            Show::Armed,
            Show::Seen,
            Show::Code("10".into()),
            Show::Updating,
            Show::Trial,
            Show::Attention,
            Show::ClaimMe,
            Show::Healthy,
        ];
        for (index, show) in shows.iter().enumerate() {
            let rhythm = show.rhythm();
            assert!(rhythm.len() % 2 == 0 && rhythm.iter().all(|part| *part >= 40), "{show:?}");
            assert!(shows[..index].iter().all(|other| other.rhythm() != rhythm), "{show:?}");
        }
        assert_eq!(lit(&[], Duration::ZERO), (true, Duration::from_secs(1)));
        assert_eq!(
            lit(&Show::Updating.rhythm(), Duration::from_millis(600)),
            (true, Duration::from_millis(150))
        );
        assert_eq!(
            lit(&Show::Updating.rhythm(), Duration::from_millis(250)),
            (false, Duration::from_millis(250))
        );
    }

    proptest! {
        #[test]
        fn a_code_can_be_counted(code in "[0-9]{6}") {
            prop_assert_eq!(read(&Show::Code(code.clone()).rhythm()), code);
        }
    }
}
