//! The claim code: 8 digits that show that a person can see the device's screen, its serial console or its card.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Name of the file in the config partition that shows the code to whoever has the card.
pub const FILE: &str = "CLAIM.txt";
/// Length of that file in bytes, padding included.
pub const BYTES: usize = 4096;

/// Digits of a code.
const DIGITS: usize = 8;

/// A claim code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimCode([u8; DIGITS]);

/// A text that is no claim code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a claim code has {DIGITS} digits")]
pub struct NotACode;

impl ClaimCode {
    /// Random bytes that [`ClaimCode::from_random`] takes.
    pub const RANDOM: usize = 16;

    /// Makes a code of random bytes. 128 bits reduced to 8 digits: no code is likelier than another by more than 2^-101.
    #[must_use]
    pub fn from_random(random: [u8; Self::RANDOM]) -> Self {
        let mut rest = u128::from_le_bytes(random);
        Self(std::array::from_fn(|_| {
            let digit = u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            b'0' + digit
        }))
    }

    /// Whether a person typed this code; blanks and hyphens between digits do not count. Takes the same time for every
    /// wrong code of the right length.
    #[must_use]
    pub fn matches(&self, typed: &str) -> bool {
        let Ok(Self(typed)) = Self::try_from(typed.to_owned()) else { return false };
        let differences = self.0.iter().zip(typed).fold(0, |sum, (mine, theirs)| sum | (mine ^ theirs));
        std::hint::black_box(differences) == 0
    }

    /// The digits without a gap.
    #[must_use]
    pub fn digits(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }
}

impl TryFrom<String> for ClaimCode {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        // A hundred characters are more than anybody types.
        let digits: Vec<u8> = text.bytes().take(100).filter(|byte| !matches!(byte, b' ' | b'-')).collect();
        match <[u8; DIGITS]>::try_from(digits) {
            Ok(code) if code.iter().all(u8::is_ascii_digit) => Ok(Self(code)),
            _ => Err(NotACode),
        }
    }
}

impl From<ClaimCode> for String {
    fn from(code: ClaimCode) -> Self {
        code.digits()
    }
}

impl fmt::Display for ClaimCode {
    /// Two groups of four, as people read it aloud.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let (first, second) = digits.split_at(DIGITS / 2);
        write!(f, "{first} {second}")
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_may_group_the_digits() {
        let code: ClaimCode = "12345678".to_owned().try_into().unwrap();
        assert_eq!(code.to_string(), "1234 5678");
        assert!(code.matches("12345678") && code.matches("1234 5678") && code.matches(" 1234-5678 "));
        for wrong in ["", "1234567", "123456789", "1234567a", "00000000", "１２３４５６７８"] {
            assert!(!code.matches(wrong), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "ClaimCode(…)");
    }

    proptest! {
        #[test]
        fn every_code_matches_itself_and_no_other(random: [u8; 16], other in "[0-9]{8}") {
            let code = ClaimCode::from_random(random);
            prop_assert!(code.matches(&code.digits()));
            prop_assert_eq!(code.matches(&other), other == code.digits());
        }
    }
}
