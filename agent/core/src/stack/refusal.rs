//! What is wrong with a compose file, and where.

use std::fmt;

use serde_saphyr::{Location, Spanned};

/// The first thing that is wrong with a file. Nothing of it is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The line, from 1; none where the whole file is meant.
    pub line: Option<u64>,
    /// The reason, and what to do.
    pub reason: String,
}

impl Refusal {
    /// At the place of `what`.
    pub fn at<T>(what: &Spanned<T>, reason: impl Into<String>) -> Self {
        Self { line: line(what.referenced), reason: reason.into() }
    }

    /// Of the whole file.
    pub fn whole(reason: impl Into<String>) -> Self {
        Self { line: None, reason: reason.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl From<serde_saphyr::Error> for Refusal {
    fn from(error: serde_saphyr::Error) -> Self {
        let place = error.location();
        // The library's own words hold the place once more, and a picture of the text.
        let words = error.without_snippet().to_string();
        let reason = words.split(" at line ").next().unwrap_or_default().trim();
        Self { line: place.and_then(line), reason: reason.trim_end_matches('.').to_owned() }
    }
}

fn line(place: Location) -> Option<u64> {
    Some(place.line()).filter(|line| *line > 0)
}
