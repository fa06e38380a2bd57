//! What the owner wants of the fan, as it is kept and sent. What it means is in `tayberry_core::thermal`.

use serde::{Deserialize, Serialize};

use crate::header::BUTTON;
use crate::preseed::NotAllowed;

/// A policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FanPolicy {
    /// Silence, as long as the processor keeps its speed.
    Quiet,
    /// The speeds of Raspberry Pi's own fan, without its steps.
    #[default]
    Balanced,
    /// Cool parts live longer.
    Cool,
    /// Points of the owner's own: degrees Celsius and per cent, ascending; full speed at 80 degrees or below.
    Curve(Vec<(i16, u8)>),
}

impl FanPolicy {
    /// The default, which is not kept.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for FanPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quiet => f.write_str("quiet"),
            Self::Balanced => f.write_str("balanced"),
            Self::Cool => f.write_str("cool"),
            Self::Curve(points) => {
                let points: Vec<String> =
                    points.iter().map(|(degrees, percent)| format!("{degrees}:{percent}")).collect();
                f.write_str(&points.join(","))
            }
        }
    }
}

impl std::str::FromStr for FanPolicy {
    type Err = NotAllowed;

    /// Reads a name, or points such as `40:0,60:50,75:100`.
    fn from_str(text: &str) -> Result<Self, NotAllowed> {
        let refuse = NotAllowed("the fan is quiet, balanced, cool, or points such as 40:0,60:50,75:100");
        let point = |text: &str| -> Option<(i16, u8)> {
            let (degrees, percent) = text.split_once(':')?;
            Some((degrees.parse().ok()?, percent.parse().ok()?))
        };
        match text {
            "quiet" => Ok(Self::Quiet),
            "balanced" => Ok(Self::Balanced),
            "cool" => Ok(Self::Cool),
            points => points.split(',').map(point).collect::<Option<_>>().map(Self::Curve).ok_or(refuse),
        }
    }
}

/// A line of the header with a HAT's fan, by its BCM number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u8, minimum = 2, maximum = 27))]
#[serde(try_from = "u8", into = "u8")]
pub struct FanLine(u8);

impl TryFrom<u8> for FanLine {
    type Error = NotAllowed;

    /// 0 and 1 belong to the HAT's own memory, 5 to the button.
    fn try_from(line: u8) -> Result<Self, NotAllowed> {
        let refuse = NotAllowed("a fan's line is GPIO 2 to 27, and not 5, which is the button's");
        if (2..=27).contains(&line) && line != BUTTON { Ok(Self(line)) } else { Err(refuse) }
    }
}

impl From<FanLine> for u8 {
    fn from(line: FanLine) -> Self {
        line.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_shown() {
        for text in ["quiet", "balanced", "cool", "40:0,60:50,75:100", "-5:100"] {
            assert_eq!(text.parse::<FanPolicy>().unwrap().to_string(), text);
        }
        for text in ["", "loud", "40", "40:", "40:0,", "40:300", "4000000:1"] {
            assert!(text.parse::<FanPolicy>().is_err(), "{text}");
        }
        for line in [0, 1, 5, 28] {
            assert!(FanLine::try_from(line).is_err(), "{line}");
        }
        assert_eq!(FanLine::try_from(18).map(u8::from), Ok(18));
        let points = serde_json::to_string(&FanPolicy::Curve(vec![(40, 0), (80, 100)])).unwrap();
        assert_eq!(points, r#"{"curve":[[40,0],[80,100]]}"#);
    }
}
