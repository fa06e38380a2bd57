//! The version of an operating system: what is compared before an update.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest version, in characters.
const LONGEST: usize = 32;

/// Numbers with dots between them, such as `1.4.2`, and perhaps `-` and words for what comes before it, such as `1.4.2-rc.1`.
/// Compared as Semantic Versioning 2.0.0 says (section 11), with one to four numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    numbers: [u32; 4],
    before: Vec<String>,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a version: one to four numbers with dots, such as 1.4.2, perhaps with -rc.1 behind them"
)]
pub struct NotAVersion(String);

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let refuse = || NotAVersion(text.chars().take(LONGEST).collect());
        if text.len() > LONGEST {
            return Err(refuse());
        }
        let (plain, before) = text.split_once('-').map_or((text, None), |(plain, rest)| (plain, Some(rest)));
        let mut numbers = [0; 4];
        let mut places = numbers.iter_mut();
        for part in plain.split('.') {
            let place = places.next().ok_or_else(refuse)?;
            *place = number(part).ok_or_else(refuse)?;
        }
        let words: Vec<String> =
            before.into_iter().flat_map(|rest| rest.split('.')).map(str::to_owned).collect();
        let good = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !words.iter().all(good) {
            return Err(refuse());
        }
        Ok(Self { text: text.to_owned(), numbers, before: words })
    }
}

/// A number without signs or leading zeros: each version has one spelling.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let one_spelling = text == "0" || !text.starts_with('0');
    (plain && one_spelling).then(|| text.parse().ok()).flatten()
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // What comes before a version is older than it.
        let before = match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare(&self.before, &other.before),
        };
        // Only to agree with Eq: 1.4 and 1.4.0 are the same step, but not the same text.
        self.numbers.cmp(&other.numbers).then(before).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Word by word: numbers as numbers, and below letters; then the longer list is newer.
fn compare(ours: &[String], theirs: &[String]) -> Ordering {
    let words = ours.iter().zip(theirs).map(|(a, b)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    });
    words.fold(Ordering::Equal, Ordering::then).then(ours.len().cmp(&theirs.len()))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn newer_is_greater() {
        let rising = [
            "0",
            "0.0.1",
            "0.1.0",
            "0.9",
            "0.10.0-alpha",
            "0.10.0-alpha.1",
            "0.10.0-alpha.beta",
            "0.10.0-rc.2",
            "0.10.0-rc.10",
            "0.10.0",
            "1",
            "1.0.0.1",
            "2026.11",
        ];
        for pair in rising.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "1.",
            ".1",
            "01",
            "1.2.3.4.5",
            "v1",
            "1-",
            "1-a..b",
            "1-ä",
            "+1",
            "4294967296",
            "1 ",
            "1-a/b",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert!("1".repeat(100).parse::<Version>().is_err());
    }

    proptest! {
        #[test]
        fn it_is_an_order(texts in proptest::collection::vec("[0-9]{1,2}(\\.[0-9]){0,2}(-[a-c1-3]{1,2})?", 3)) {
            let versions: Vec<Version> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            for a in &versions {
                for b in &versions {
                    prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                    prop_assert_eq!(a.cmp(b) == Ordering::Equal, a == b);
                    for c in &versions {
                        prop_assert!(!(a <= b && b <= c) || a <= c);
                    }
                }
            }
        }
    }
}
