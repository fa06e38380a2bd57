//! What the owner wants of the fans. Kept in a record of its own: an older system, which knows none, loses nothing by it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tayberry_format::header::BUTTON;
use utoipa::ToSchema;

use super::{Curve, CurveError, Policy};

/// The wish.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// How the fans follow the temperature.
    pub policy: Policy,
    /// The header's line with a HAT's fan, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<FanLine>,
}

/// A line of the header with a HAT's fan, by its BCM number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(value_type = u8, minimum = 2, maximum = 27)]
#[serde(try_from = "u8", into = "u8")]
pub struct FanLine(u8);

/// A line that no fan can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fan's line is GPIO 2 to 27, and not {BUTTON}, which is the button's; this is {0}")]
pub struct NoFanLine(u8);

impl TryFrom<u8> for FanLine {
    type Error = NoFanLine;

    /// 0 and 1 belong to the HAT's own memory.
    fn try_from(line: u8) -> Result<Self, NoFanLine> {
        if (2..=27).contains(&line) && line != BUTTON { Ok(Self(line)) } else { Err(NoFanLine(line)) }
    }
}

impl From<FanLine> for u8 {
    fn from(line: FanLine) -> Self {
        line.0
    }
}

/// A policy that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No name, and no points.
    #[error("the fan is quiet, balanced, cool, or points such as 40:0,60:50,75:100")]
    Unknown,
    /// Points that make no curve.
    #[error(transparent)]
    Curve(#[from] CurveError),
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quiet => f.write_str("quiet"),
            Self::Balanced => f.write_str("balanced"),
            Self::Cool => f.write_str("cool"),
            Self::Curve(curve) => {
                let points = Vec::from(curve.clone());
                let points: Vec<String> =
                    points.iter().map(|(degrees, percent)| format!("{degrees}:{percent}")).collect();
                f.write_str(&points.join(","))
            }
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    /// Reads a name, or points such as `40:0,60:50,75:100`.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let point = |text: &str| -> Option<(i16, u8)> {
            let (degrees, percent) = text.split_once(':')?;
            Some((degrees.parse().ok()?, percent.parse().ok()?))
        };
        match text {
            "quiet" => Ok(Self::Quiet),
            "balanced" => Ok(Self::Balanced),
            "cool" => Ok(Self::Cool),
            points => {
                let points: Option<Vec<_>> = points.split(',').map(point).collect();
                Ok(Self::Curve(Curve::try_from(points.ok_or(PolicyError::Unknown)?)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_shown() {
        for text in ["quiet", "balanced", "cool", "40:0,60:50,75:100", "-5:100"] {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        for text in ["", "loud", "40", "40:", "40:0,", "40:300", "4000000:1", "40:50"] {
            assert!(text.parse::<Policy>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wish_is_kept_as_it_was_said() {
        for line in [0, 1, BUTTON, 28] {
            assert!(FanLine::try_from(line).is_err(), "{line}");
        }
        let wish = Wish { policy: "40:0,80:100".parse().unwrap(), line: FanLine::try_from(18).ok() };
        let text = serde_json::to_string(&wish).unwrap();
        assert_eq!(text, r#"{"policy":{"curve":[[40,0],[80,100]]},"line":18}"#);
        assert_eq!(serde_json::from_str::<Wish>(&text).unwrap(), wish);
        assert!(serde_json::from_str::<Wish>(r#"{"policy":{"curve":[[40,50]]}}"#).is_err());
    }
}
