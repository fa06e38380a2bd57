//! How good a password is. Hashing it is left to the agent.

use crate::request::setup::{Strength, Weakness};

/// Shortest password, in characters (NIST SP 800-63B, section 3.1.1.2, for passwords that are checked against lists).
const SHORTEST: usize = 8;
/// Longest password, in characters.
const LONGEST: usize = 128;
/// Score from which on a password is taken: more than 10^8 guesses, which the limits of guessing make years.
const ENOUGH: u8 = 3;
/// Guesses up to which a password counts as one that everybody tries first (base-10 logarithm).
const WELL_KNOWN: f64 = 4.0;

/// Judges. `others` are words that belong to the owner and the device: their name is no good password.
#[must_use]
pub fn judge(password: &str, others: &[&str]) -> Strength {
    let length = password.chars().count();
    if length < SHORTEST {
        return Strength { score: 0, good_enough: false, weakness: Some(Weakness::TooShort) };
    }
    if length > LONGEST {
        return Strength { score: 0, good_enough: false, weakness: Some(Weakness::TooLong) };
    }
    let others: Vec<&str> = others.iter().copied().chain(["tayberry", "raspberry"]).collect();
    let entropy = zxcvbn::zxcvbn(password, &others);
    let score = u8::from(entropy.score());
    let weakness = match score {
        ENOUGH.. => None,
        _ if entropy.guesses_log10() < WELL_KNOWN => Some(Weakness::WellKnown),
        _ => Some(Weakness::EasyToGuess),
    };
    Strength { score, good_enough: weakness.is_none(), weakness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bad_ones_are_refused() {
        for (password, weakness) in [
            ("", Weakness::TooShort),
            ("abc", Weakness::TooShort),
            ("password", Weakness::WellKnown),
            ("12345678", Weakness::WellKnown),
            ("P@ssw0rd", Weakness::WellKnown),
            ("iloveyou1", Weakness::WellKnown),
            ("tayberry", Weakness::WellKnown),
            ("margarete", Weakness::WellKnown),
            ("qwertzuiop", Weakness::EasyToGuess),
            ("31.12.1999", Weakness::EasyToGuess),
            (&"x".repeat(129), Weakness::TooLong),
        ] {
            let strength = judge(password, &["margarete"]);
            assert!(!strength.good_enough, "{password}: {strength:?}");
            assert_eq!(strength.weakness, Some(weakness), "{password}: {strength:?}");
        }
    }

    #[test]
    fn good_ones_are_taken() {
        for password in ["correct horse battery staple", "quark-Teller-77-Mond", "ä€ß漢字żółć12"] {
            assert!(judge(password, &[]).good_enough, "{password}: {:?}", judge(password, &[]));
        }
    }
}
