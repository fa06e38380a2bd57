//! The account of one boot: each decision in one sentence, for people. Machines use the fields of `Boot`.

use serde::{Deserialize, Serialize};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The firmware did what the files say.
    Step,
    /// The firmware carries on, but probably not as the author of the files meant.
    Warning,
}

/// One decision of the firmware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Whether it needs attention.
    pub level: Level,
    /// The decision and its reason, one sentence.
    pub text: String,
}

/// Collects lines in order.
#[derive(Debug, Default)]
pub(crate) struct Log(pub(crate) Vec<LogLine>);

impl Log {
    pub(crate) fn step(&mut self, text: impl Into<String>) {
        self.0.push(LogLine { level: Level::Step, text: text.into() });
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.0.push(LogLine { level: Level::Warning, text: text.into() });
    }
}
