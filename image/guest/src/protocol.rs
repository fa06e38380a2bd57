//! The language of the GPIO port, spoken by the helper in the guest and by the emulator: one JSON object a line.
//!
//! To the guest: `{"id":7,"set":{"line":5,"level":0}}`, `{"id":8,"get":45}`. From the guest: an answer with the same
//! `id`, `{"id":8,"level":{"line":45,"value":1}}` or `{"id":8,"error":"…"}`; and without `id` a `level` whenever a
//! watched line changes. `id` may be left out; then answers cannot be told from changes.

use serde::{Deserialize, Serialize};

/// Name of the virtio port.
pub const PORT: &str = "io.tayberry.gpio";
/// Longest line in bytes, line feed included.
pub const MAX_LINE: usize = 4096;
/// Lines of the chip (`pinctrl-rp1` of the Pi 5: 28 + 6 + 20 in three banks; kernel, drivers/pinctrl/pinctrl-rp1.c).
pub const LINES: u32 = 54;
/// The fan connector's line (bcm2712-rpi-5-b.dts: `FAN_PWM`, inverted).
pub const FAN: u32 = 45;
/// The green status LED, numbered behind the header's lines because it is on another chip (2712_STAT_LED, bcm2712-rpi-5-b.dts).
pub const LED: u32 = LINES;
/// The virtual board's chip with the lines that the kernel drives: node of the device tree, platform device, label.
pub const BOARD_CHIP: &str = "tayberry-board-lines";
/// Its lines, in their order there.
pub const BOARD_LINES: [u32; 2] = [FAN, LED];

/// What the host wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Comes back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The question.
    #[serde(flatten)]
    pub ask: Ask,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Pull a line up or down from outside; answered with the level that it has then.
    Set(Pull),
    /// Which level does this line have?
    Get(u32),
}

impl Ask {
    /// The line that is asked about.
    ///
    /// # Errors
    /// When that line or the level does not exist.
    pub fn check(&self) -> Result<u32, ProtocolError> {
        match *self {
            Self::Set(Pull { line, .. }) | Self::Get(line) if line > LED => Err(ProtocolError::Line(line)),
            Self::Set(Pull { level, .. }) if level > 1 => Err(ProtocolError::Level(level)),
            Self::Set(Pull { line, .. }) | Self::Get(line) => Ok(line),
        }
    }
}

/// A line and the level it is pulled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// Offset on the chip; the BCM number for 0 to 27.
    pub line: u32,
    /// 0 or 1.
    pub level: u8,
}

/// What the guest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of the request; none when nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The answer.
    #[serde(flatten)]
    pub say: Say,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Say {
    /// A line has this level.
    Level(Level),
    /// The request failed, with one sentence.
    Error(String),
}

/// A line and the level it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Offset on the chip.
    pub line: u32,
    /// 0 or 1.
    pub value: u8,
}

/// A message that is not of this language.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A line without end.
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// Not JSON, or not one of the objects above.
    #[error("not a message of the GPIO port: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A level that is neither 0 nor 1.
    #[error("level {0} of a line; it is 0 or 1")]
    Level(u8),
    /// A line that the chip does not have.
    #[error("line {0} of the board; it has lines 0 to {LED}")]
    Line(u32),
}

impl Request {
    /// Reads one line. What it asks for may not exist: see [`Ask::check`].
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        Ok(serde_json::from_slice(line)?)
    }

    /// One line, line feed included.
    ///
    /// # Errors
    /// None that can happen: the type has nothing that JSON cannot hold.
    pub fn line(&self) -> Result<Vec<u8>, ProtocolError> {
        line(self)
    }
}

impl Report {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        let report: Self = serde_json::from_slice(line)?;
        match report.say {
            Say::Level(Level { value, .. }) if value > 1 => Err(ProtocolError::Level(value)),
            _ => Ok(report),
        }
    }

    /// One line, line feed included.
    ///
    /// # Errors
    /// None that can happen: the type has nothing that JSON cannot hold.
    pub fn line(&self) -> Result<Vec<u8>, ProtocolError> {
        line(self)
    }
}

fn line(message: &impl Serialize) -> Result<Vec<u8>, ProtocolError> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Cuts a stream of bytes into lines. Holds at most [`MAX_LINE`] bytes.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes further bytes; returns the lines that they end, without line feed. Empty lines are left out, a line that
    /// is too long is an error in its place.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<Vec<u8>, ProtocolError>> {
        let mut ended = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.begun);
                    if std::mem::take(&mut self.too_long) {
                        ended.push(Err(ProtocolError::TooLong));
                    } else if !line.is_empty() {
                        ended.push(Ok(line));
                    }
                }
                _ if self.begun.len() + 1 >= MAX_LINE => self.too_long = true,
                byte => self.begun.push(*byte),
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_look_as_documented() {
        let rows = [
            (Some(7), Ask::Set(Pull { line: 5, level: 0 }), r#"{"id":7,"set":{"line":5,"level":0}}"#),
            (None, Ask::Get(45), r#"{"get":45}"#),
        ];
        for (id, ask, text) in rows {
            let request = Request { id, ask };
            assert_eq!(request.line().unwrap(), format!("{text}\n").as_bytes());
            assert_eq!(Request::parse(text.as_bytes()).unwrap(), request);
        }
        let report = Report { id: None, say: Say::Level(Level { line: 45, value: 1 }) };
        assert_eq!(report.line().unwrap(), b"{\"level\":{\"line\":45,\"value\":1}}\n");
    }

    #[test]
    fn bad_requests_are_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"get":55}"#,
            r#"{"get":-1}"#,
            r#"{"get":"5"}"#,
            r#"{"set":{"line":5,"level":2}}"#,
            r#"{"set":{"line":5}}"#,
            r#"{"set":{"line":5,"level":0,"for":3}}"#,
            r#"{"press":5}"#,
            r#"{"get":5"#,
        ] {
            let checked = Request::parse(text.as_bytes()).and_then(|request| request.ask.check());
            assert!(checked.is_err(), "{text}");
        }
    }

    #[test]
    fn a_long_line_is_an_error_and_the_next_one_is_read() {
        let mut lines = Lines::default();
        assert!(lines.push(&[b'x'; 3 * MAX_LINE]).is_empty());
        let mut ended = lines.push(b"\nok\n\n").into_iter();
        assert!(matches!(ended.next(), Some(Err(ProtocolError::TooLong))));
        assert!(matches!(ended.next(), Some(Ok(line)) if line == b"ok"));
        assert!(ended.next().is_none());
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_where_the_stream_is_cut(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), cut in 0_usize..200,
        ) {
            let (one, two) = text.split_at(cut.min(text.len()));
            let whole: Vec<_> = Lines::default().push(&text).into_iter().map(Result::unwrap).collect();
            let mut lines = Lines::default();
            let mut parts = lines.push(one);
            parts.extend(lines.push(two));
            prop_assert_eq!(whole, parts.into_iter().map(Result::unwrap).collect::<Vec<_>>());
        }

        #[test]
        fn any_line_is_judged_without_panic(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop((Request::parse(&text), Report::parse(&text)));
        }
    }
}
