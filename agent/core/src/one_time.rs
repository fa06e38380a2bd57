//! The one-time code that the button shows: whoever stands before the device and counts or reads it may set a new password. Short enough to
//! be counted off an LED, and therefore good for a few minutes and a few tries only, whoever makes them.

use std::time::Duration;

/// Digits of a code.
pub const DIGITS: usize = 6;
/// It is good for so long.
pub const LASTS: Duration = Duration::from_secs(600);
/// After so many wrong ones there is none: a guess is right once in 200,000 codes that somebody shows.
pub const TRIES: u8 = 5;

/// A code that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTime {
    digits: String,
    until: Duration,
    tries: u8,
}

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The code; it stays until it did its work.
    Right,
    /// Another one; it counts as a try.
    Wrong,
    /// It cannot be one of these: it has other characters, or another length.
    NoSuchCode,
}

impl OneTime {
    /// A code that begins at `now`, time since the start of the device.
    #[must_use]
    pub fn new(random: [u8; 8], now: Duration) -> Self {
        let digits = u64::from_le_bytes(random) % 1_000_000;
        Self { digits: format!("{digits:0DIGITS$}"), until: now + LASTS, tries: TRIES }
    }

    /// What is shown.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Until when it is good.
    #[must_use]
    pub const fn until(&self) -> Duration {
        self.until
    }

    /// Whether it is still good.
    #[must_use]
    pub fn holds(&self, now: Duration) -> bool {
        self.tries > 0 && now < self.until
    }

    /// Compares what was typed, blanks and hyphens left out. Whoever lets somebody in drops the code.
    #[must_use]
    pub fn judge(&mut self, typed: &str, now: Duration) -> Judgement {
        let typed: String = typed.chars().take(64).filter(|c| !c.is_whitespace() && *c != '-').collect();
        if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) || !self.holds(now) {
            return Judgement::NoSuchCode;
        }
        if typed == self.digits {
            return Judgement::Right;
        }
        self.tries -= 1;
        Judgement::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn it_is_good_for_a_while_and_a_few_tries() {
        let mut code = OneTime::new(42_u64.to_le_bytes(), NOW);
        assert_eq!(code.digits(), "000042");
        assert_eq!(code.judge("ABCD-EFGH", NOW), Judgement::NoSuchCode);
        assert_eq!(code.judge("000043", NOW), Judgement::Wrong);
        assert_eq!(code.judge("000 042", NOW), Judgement::Right);

        let mut code = OneTime::new(u64::MAX.to_le_bytes(), NOW);
        let right = code.digits().to_owned();
        for _ in 0..TRIES {
            assert!(code.holds(NOW));
            assert_eq!(code.judge("111111", NOW), Judgement::Wrong);
        }
        assert_eq!(code.judge(&right, NOW), Judgement::NoSuchCode, "too many tries");

        let mut code = OneTime::new([7; 8], NOW);
        let right = code.digits().to_owned();
        assert_eq!(code.judge(&right, NOW + LASTS), Judgement::NoSuchCode, "too late");
    }
}
