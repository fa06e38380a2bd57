//! Why an update did not stay, in the words that people read.

use serde::{Deserialize, Serialize};

/// Longest text of somebody else's in a reason, in characters.
const LONGEST: usize = 300;

/// A reason. Causes that cannot be told apart share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// The kernel of the new system stopped; its last line was kept.
    Crashed {
        /// The line.
        line: String,
    },
    /// The old system runs again, and the new one left no trace: it did not start, hung, or lost power.
    DidNotComeUp,
    /// The new system ran, was not judged, and the old one runs again.
    StoppedEarly,
    /// A health check failed.
    Check {
        /// Its name.
        name: String,
        /// What it found, as a sentence.
        found: String,
    },
    /// The firmware would not have booted the new system.
    WouldNotBoot {
        /// What the model of the firmware said.
        why: String,
    },
    /// The firmware did not take the try-once flag.
    NotArmed {
        /// The reason.
        why: String,
    },
    /// Fetching failed.
    Fetch {
        /// The reason.
        why: String,
    },
    /// Writing failed.
    Write {
        /// The reason.
        why: String,
    },
    /// What was written reads back as something else.
    Damaged {
        /// Where.
        why: String,
    },
    /// The owner cancelled it.
    Cancelled,
    /// The device or its agent was restarted.
    Interrupted,
    /// The owner wanted the other system.
    Owner,
}

impl Reason {
    /// One sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Crashed { line } => format!("The new system crashed: {}.", plain(line)),
            Self::DidNotComeUp => {
                "The new system did not come up: it did not start, hung, or the power was lost.".into()
            }
            Self::StoppedEarly => {
                "The new system started, but stopped before it was judged: it hung, or the power was lost."
                    .into()
            }
            Self::Check { name, found } => {
                format!("The health check \"{}\" failed: {}.", plain(name), plain(found))
            }
            Self::WouldNotBoot { why } => format!("The new system would not have started: {}.", plain(why)),
            Self::NotArmed { why } => format!("The device could not prepare the restart: {}.", plain(why)),
            Self::Fetch { why } => format!("The update could not be fetched: {}.", plain(why)),
            Self::Write { why } => format!("The update could not be written: {}.", plain(why)),
            Self::Damaged { why } => {
                format!(
                    "What was written was damaged when it was read again: {}. The drive may be failing.",
                    plain(why)
                )
            }
            Self::Cancelled => "It was cancelled.".into(),
            Self::Interrupted => "The device was restarted. What it has fetched is not fetched again.".into(),
            Self::Owner => "The owner went back.".into(),
        }
    }
}

/// Somebody else's words inside a sentence: one line, not too long, without its full stop.
fn plain(text: &str) -> String {
    let line: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    line.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_one_clean_sentence() {
        let why = || "line one.\u{1b}[2J\nline two.".to_owned();
        let reasons = [
            Reason::Crashed { line: why() },
            Reason::DidNotComeUp,
            Reason::StoppedEarly,
            Reason::Check { name: "agent".into(), found: why() },
            Reason::WouldNotBoot { why: why() },
            Reason::NotArmed { why: why() },
            Reason::Fetch { why: why() },
            Reason::Write { why: why() },
            Reason::Damaged { why: "x".repeat(5000) },
            Reason::Cancelled,
            Reason::Interrupted,
            Reason::Owner,
        ];
        for reason in reasons {
            let said = reason.sentence();
            assert!(!said.chars().any(char::is_control) && said.len() < 500, "{said}");
            assert!(!said.contains(".."), "{said}");
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
        }
    }
}
