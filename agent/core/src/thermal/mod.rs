//! How fast the fan turns, and when the device must rest: a function of temperatures and of time. Reading sensors and driving the
//! fan are left to the agent. Times are since the start of the device.
//!
//! Every doubt ends in full speed: a sensor that is missing, that was not read in time, that says what cannot be, or that says
//! the same to the last digit for too long. What is left when this fails, too, is the kernel's own trip points.
//!
//! ```text
//!              hot for HOT_FOR              critical for CRITICAL_FOR
//!   Normal ───────────────────▶ Shedding ──────────────────────────▶ PoweringDown
//!     ▲                            │                                 (never left)
//!     └────────────────────────────┘
//!           COOL_AGAIN and below
//! ```

mod curve;
mod tacho;
#[cfg(test)]
mod tests;
mod wish;

use std::fmt;
use std::time::Duration;

pub use curve::{Curve, CurveError, Duty, Policy};
pub use tacho::Tacho;
pub use wish::{FanLine, NoFanLine, PolicyError, Wish};

use crate::firmware::Celsius;

/// How often the loop decides.
pub const PERIOD: Duration = Duration::from_secs(1);
/// A reading that is older counts for nothing.
pub const STALE: Duration = Duration::from_secs(5);
/// The processor's sensor is stuck when it says the same for so long: one that works wavers by its last digit. Drives speak in whole
/// degrees (NVM Express base specification, log page 02h), and one that rests says the same for hours.
pub const STUCK: Duration = Duration::from_secs(600);
/// What a sensor may say; the processor's ends at 125 degrees Celsius (bcm2712 thermal zone: critical at 110).
pub const BELIEVED: std::ops::RangeInclusive<Celsius> =
    Celsius::from_degrees(-40)..=Celsius::from_degrees(125);
/// It has to be so much cooler before the fan turns slower.
const HYSTERESIS: i32 = 4000;
/// A fan that stands still is started at full speed for so long: below its starting voltage it would only hum.
const KICK: Duration = Duration::from_secs(1);
/// No fan turns reliably below this.
const MINIMUM: u8 = 25;
/// How many per cent faster or slower it gets in a second.
const FASTER: u8 = 10;
/// As [`FASTER`]. Slower on the way down: a fan that goes up and down is what people hear.
const SLOWER: u8 = 2;
/// The processor is slowed down by the firmware already: what can rest, rests.
pub const HOT: Celsius = Celsius::from_degrees(88);
/// For so long.
pub const HOT_FOR: Duration = Duration::from_secs(30);
/// Below the kernel's own 110 degrees, at which it powers off without asking the services.
pub const CRITICAL: Celsius = Celsius::from_degrees(100);
/// For so long.
pub const CRITICAL_FOR: Duration = Duration::from_secs(10);
/// What the stack's services have together while they rest, in per cent of a core. They answer slowly, and keep what they hold.
pub const RESTING: u8 = 25;
/// What is said after a start that followed one of [`Worry::PoweringDown`].
pub const TOO_HOT: &str = "The device switched itself off because its processor was hotter than 100 degrees Celsius for 10 seconds. \
    Look at its fan, and at what covers it.";
/// What rested may go on.
pub const COOL_AGAIN: Celsius = Celsius::from_degrees(75);

/// Where a temperature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    /// The processor's.
    Processor,
    /// An NVMe drive's own; drives throttle about ten degrees earlier than the processor.
    Drive(u8),
}

impl fmt::Display for Sensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processor => f.write_str("the processor"),
            Self::Drive(number) => write!(f, "NVMe drive {number}"),
        }
    }
}

impl Sensor {
    /// How much hotter the processor would have to be for the same worry, in thousandths of a degree.
    const fn shift(self) -> i32 {
        match self {
            Self::Processor => 0,
            Self::Drive(_) => 10_000,
        }
    }
}

/// What a sensor said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub sensor: Sensor,
    /// What it said.
    pub temperature: Celsius,
    /// When it was read.
    pub at: Duration,
    /// Since when it says exactly that.
    pub same_since: Duration,
}

/// Why a reading counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The processor has no sensor that answers.
    #[error("no sensor of the processor answers")]
    Missing,
    /// Not read for [`STALE`].
    #[error("the sensor of {0} has not answered for more than {seconds} seconds", seconds = STALE.as_secs())]
    Stale(Sensor),
    /// Outside of [`BELIEVED`].
    #[error("the sensor of {0} says {1}, which cannot be")]
    Absurd(Sensor, Celsius),
    /// The same for [`STUCK`].
    #[error("the sensor of {0} has said the same for more than {seconds} seconds", seconds = STUCK.as_secs())]
    Stuck(Sensor),
}

impl Reading {
    fn doubt(&self, now: Duration) -> Option<Doubt> {
        if !BELIEVED.contains(&self.temperature) {
            Some(Doubt::Absurd(self.sensor, self.temperature))
        } else if now.saturating_sub(self.at) > STALE {
            Some(Doubt::Stale(self.sensor))
        } else if self.sensor == Sensor::Processor && now.saturating_sub(self.same_since) > STUCK {
            Some(Doubt::Stuck(self.sensor))
        } else {
            None
        }
    }
}

/// Takes over what was `seen` now. Who was not seen keeps what it said last, which gets old.
pub fn remember(readings: &mut Vec<Reading>, seen: &[(Sensor, Celsius)], now: Duration) {
    for &(sensor, temperature) in seen {
        let known = readings.iter_mut().find(|reading| reading.sensor == sensor);
        match known {
            Some(reading) if reading.temperature == temperature => reading.at = now,
            Some(reading) => *reading = Reading { sensor, temperature, at: now, same_since: now },
            None => readings.push(Reading { sensor, temperature, at: now, same_since: now }),
        }
    }
}

/// How worried the device is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Worry {
    /// The fan is enough.
    #[default]
    Normal,
    /// The stack's services rest: together they get [`RESTING`] of a core.
    Shedding,
    /// The device goes off, in order. Not left: a device that is going down cannot be called back.
    PoweringDown,
}

/// What the loop remembers between two decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// The temperature that counts: it follows upwards at once, and downwards [`HYSTERESIS`] behind.
    felt: Option<Celsius>,
    /// As the fan was driven last. Nobody knows what it did before the first: it is started like one that stood still.
    duty: Duty,
    /// Started from standing still, at.
    kicked: Option<Duration>,
    hot_since: Option<Duration>,
    critical_since: Option<Duration>,
    worry: Worry,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How hard the fan is driven.
    pub duty: Duty,
    /// How worried to be.
    pub worry: Worry,
    /// Whose word counts for nothing, and why. The fan turns fully while there is one.
    pub doubts: Vec<Doubt>,
}

/// Decides, and remembers. Called every [`PERIOD`]; a late call is as good as one in time.
#[must_use]
pub fn decide(
    policy: &Policy,
    state: &mut State,
    readings: &[Reading],
    elapsed: Duration,
    now: Duration,
) -> Decision {
    let mut doubts: Vec<Doubt> = readings.iter().filter_map(|reading| reading.doubt(now)).collect();
    if !readings.iter().any(|reading| reading.sensor == Sensor::Processor) {
        doubts.push(Doubt::Missing);
    }
    let believed: Vec<&Reading> = readings.iter().filter(|reading| reading.doubt(now).is_none()).collect();
    let processor = believed.iter().find(|reading| reading.sensor == Sensor::Processor);
    let processor = processor.map(|reading| reading.temperature);
    let hottest = believed
        .iter()
        .map(|reading| Celsius::from_thousandths(reading.temperature.thousandths() + reading.sensor.shift()))
        .max();
    state.worries(hottest, processor, now);
    let wanted = match hottest {
        Some(hottest) if doubts.is_empty() => policy.curve().at(state.feels(hottest)),
        _ => Duty::FULL,
    };
    let duty = if wanted == Duty::FULL || state.worry != Worry::Normal {
        state.kicked = None;
        Duty::FULL
    } else {
        state.turns(wanted, elapsed, now)
    };
    state.duty = duty;
    Decision { duty, worry: state.worry, doubts }
}

impl State {
    fn feels(&mut self, hottest: Celsius) -> Celsius {
        let felt = self.felt.map_or(hottest, |felt| {
            felt.min(Celsius::from_thousandths(hottest.thousandths() + HYSTERESIS)).max(hottest)
        });
        self.felt = Some(felt);
        felt
    }

    /// Towards `wanted`, no faster than ears and bearings like.
    fn turns(&mut self, wanted: Duty, elapsed: Duration, now: Duration) -> Duty {
        let last = self.duty.percent();
        // Between standing still and the slowest that it can there is nothing.
        let wanted = if wanted == Duty::OFF { 0 } else { wanted.percent().max(MINIMUM) };
        if self.kicked.is_some_and(|at| now.saturating_sub(at) < KICK) {
            return Duty::FULL;
        }
        let next = if self.kicked.take().is_some() {
            wanted
        } else if last == 0 && wanted > 0 {
            self.kicked = Some(now);
            100
        } else {
            let seconds = u8::try_from(elapsed.as_secs().max(1)).unwrap_or(u8::MAX);
            let fastest = last.saturating_add(FASTER.saturating_mul(seconds));
            let slowest = last.saturating_sub(SLOWER.saturating_mul(seconds));
            wanted.min(fastest).max(if wanted == 0 && slowest < MINIMUM { 0 } else { slowest })
        };
        Duty::try_from(next).unwrap_or(Duty::FULL)
    }

    /// The table of worries. Nobody powers a device off because a sensor says nothing: it may be the sensor; nor because of a drive,
    /// which throttles and stops by itself, and whose sensor, when it fails, would keep the device from ever starting again.
    fn worries(&mut self, hottest: Option<Celsius>, processor: Option<Celsius>, now: Duration) {
        let since = |now_is: Option<Celsius>, limit: Celsius, before: Option<Duration>| {
            now_is.is_some_and(|now_is| now_is >= limit).then(|| before.unwrap_or(now))
        };
        self.hot_since = since(hottest, HOT, self.hot_since);
        self.critical_since = since(processor, CRITICAL, self.critical_since);
        let lasts =
            |since: Option<Duration>, long: Duration| since.is_some_and(|at| now.saturating_sub(at) >= long);
        self.worry = match self.worry {
            Worry::PoweringDown => Worry::PoweringDown,
            _ if lasts(self.critical_since, CRITICAL_FOR) => Worry::PoweringDown,
            Worry::Normal if lasts(self.hot_since, HOT_FOR) => Worry::Shedding,
            Worry::Shedding if hottest.is_some_and(|hottest| hottest <= COOL_AGAIN) => Worry::Normal,
            same => same,
        };
    }
}
