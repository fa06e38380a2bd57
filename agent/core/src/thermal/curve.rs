//! How fast a fan should turn at a temperature: three ready policies, or points of the owner's own.

use serde::{Deserialize, Serialize};

use utoipa::ToSchema;

use crate::firmware::Celsius;

/// How hard a fan is driven, in per cent: 0 stands still, 100 is full speed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Duty(u8);

impl Duty {
    /// It stands still.
    pub const OFF: Self = Self(0);
    /// Full speed: what every doubt ends in.
    pub const FULL: Self = Self(100);

    /// Per cent, 0 to 100.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Duty {
    type Error = CurveError;

    fn try_from(percent: u8) -> Result<Self, CurveError> {
        if percent > 100 { Err(CurveError::Duty(percent)) } else { Ok(Self(percent)) }
    }
}

impl From<Duty> for u8 {
    fn from(duty: Duty) -> Self {
        duty.0
    }
}

/// What is wrong with an owner's curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// More than everything.
    #[error("{0} % is more than full speed: a fan is driven with 0 to 100 %")]
    Duty(u8),
    /// Too few or too many points.
    #[error("the fan's curve has {0} points; it needs 1 to 16")]
    Points(usize),
    /// Not ascending.
    #[error("point {0} of the fan's curve is not hotter and at least as fast as the one before it")]
    Order(usize),
    /// It stays slow in the heat.
    #[error("the fan's curve must reach 100 % at {limit} degrees or below", limit = Curve::FULL_AT.thousandths() / 1000)]
    NeverFull,
}

/// Points of temperature, in whole degrees Celsius, and speed, in per cent. Between two it is a line; below the first the fan stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(value_type = Vec<(i16, u8)>)]
#[serde(try_from = "Vec<(i16, u8)>", into = "Vec<(i16, u8)>")]
pub struct Curve(Vec<(i16, Duty)>);

impl Curve {
    /// Where every curve must be at full speed: the firmware throttles the processor from 80 degrees Celsius on, and at 85 all
    /// of it (raspberrypi.com, Raspberry Pi documentation: frequency management and thermal control).
    pub const FULL_AT: Celsius = Celsius::from_degrees(80);

    /// The speed at `temperature`.
    #[must_use]
    pub fn at(&self, temperature: Celsius) -> Duty {
        let thousandths = |(degrees, _): &(i16, Duty)| Celsius::from_degrees(*degrees).thousandths();
        let here = temperature.thousandths();
        let above = self.0.iter().position(|point| thousandths(point) > here).unwrap_or(self.0.len());
        match (above.checked_sub(1).and_then(|below| self.0.get(below)), self.0.get(above)) {
            (None, _) => Duty::OFF,
            (Some((_, duty)), None) => *duty,
            (Some(from), Some(to)) => {
                let (start, end) = (thousandths(from), thousandths(to));
                let (slow, fast) = (i64::from(from.1.0), i64::from(to.1.0));
                let speed = slow + (fast - slow) * i64::from(here - start) / i64::from(end - start);
                u8::try_from(speed).ok().and_then(|speed| Duty::try_from(speed).ok()).unwrap_or(Duty::FULL)
            }
        }
    }
}

impl TryFrom<Vec<(i16, u8)>> for Curve {
    type Error = CurveError;

    fn try_from(points: Vec<(i16, u8)>) -> Result<Self, CurveError> {
        if points.is_empty() || points.len() > 16 {
            return Err(CurveError::Points(points.len()));
        }
        let wrong = points.windows(2).position(|pair| pair[1].0 <= pair[0].0 || pair[1].1 < pair[0].1);
        if let Some(before) = wrong {
            return Err(CurveError::Order(before + 2));
        }
        let points = points.into_iter().map(|(degrees, percent)| Ok((degrees, percent.try_into()?)));
        let curve = Self(points.collect::<Result<_, CurveError>>()?);
        if curve.at(Self::FULL_AT) < Duty::FULL { Err(CurveError::NeverFull) } else { Ok(curve) }
    }
}

impl From<Curve> for Vec<(i16, u8)> {
    fn from(curve: Curve) -> Self {
        curve.0.into_iter().map(|(degrees, duty)| (degrees, duty.percent())).collect()
    }
}

/// What the owner wants of the fan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Silence, as long as the processor keeps its speed.
    Quiet,
    /// The speeds of Raspberry Pi's own fan, without its steps (bcm2712-rpi-5-b.dts: from 50 degrees on, full at 75).
    #[default]
    Balanced,
    /// Cool parts live longer.
    Cool,
    /// Points of the owner's own: degrees Celsius and per cent, ascending; full speed at 80 degrees or below.
    Curve(Curve),
}

impl Policy {
    /// Its curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        let points: &[(i16, u8)] = match self {
            Self::Quiet => &[(60, 30), (70, 50), (80, 100)],
            Self::Balanced => &[(50, 30), (60, 50), (75, 100)],
            Self::Cool => &[(40, 30), (50, 60), (65, 100)],
            Self::Curve(curve) => return curve.clone(),
        };
        Curve(points.iter().map(|(degrees, percent)| (*degrees, Duty(*percent))).collect())
    }
}
