//! A fan that a HAT drives from one line of the header: by the header's hardware PWM or by memory-mapped GPIO where the vendor's kernel
//! offers them (rppal), else on and off through the kernel's character device. Which one is found out when it is opened, and logged.

use std::fmt;

use gpiocdev::Request;
use gpiocdev::line::Value;
use rppal::gpio::{Gpio, OutputPin};
use rppal::pwm::{Channel, Polarity, Pwm};
use tayberry_core::thermal::{Duty, FanLine};

use super::gpio::{self, GpioError};

/// What four-wire fans expect (Intel, "4-Wire Pulse Width Modulation (PWM) Controlled Fans", 21 to 28 kHz).
const FREQUENCY: f64 = 25_000.0;
/// What software manages without being busy with it.
const SLOW_FREQUENCY: f64 = 50.0;

/// A fan.
pub struct HatFan {
    line: FanLine,
    way: Way,
}

enum Way {
    Hardware(Pwm),
    Software(Box<OutputPin>),
    OnOff(Request),
}

/// A fan that cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum HatFanError {
    /// The kernel's line.
    #[error(transparent)]
    Line(#[from] GpioError),
    /// The PWM.
    #[error("hardware PWM: {0}")]
    Pwm(#[from] rppal::pwm::Error),
    /// The pin.
    #[error("memory-mapped GPIO: {0}")]
    Pin(#[from] rppal::gpio::Error),
}

impl fmt::Display for HatFan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Hardware(_) => "hardware PWM",
            Way::Software(_) => "software PWM",
            Way::OnOff(_) => "on and off",
        };
        write!(f, "GPIO{}, {way}", u8::from(self.line))
    }
}

/// The header's PWM channels (raspberrypi.com, Raspberry Pi 5: RP1 peripherals, PWM0).
const fn channel(line: u8) -> Option<Channel> {
    match line {
        12 => Some(Channel::Pwm0),
        13 => Some(Channel::Pwm1),
        18 => Some(Channel::Pwm2),
        19 => Some(Channel::Pwm3),
        _ => None,
    }
}

impl HatFan {
    /// Takes the line; the fan turns fully until it is driven.
    ///
    /// # Errors
    /// When there is no such chip, or somebody else has the line.
    pub fn open(line: FanLine) -> Result<Self, HatFanError> {
        let number = u8::from(line);
        let pwm = channel(number)
            .and_then(|channel| Pwm::with_frequency(channel, FREQUENCY, 1.0, Polarity::Normal, true).ok());
        let pin = || Gpio::new().and_then(|gpio| gpio.get(number)).ok();
        let way = if let Some(pwm) = pwm {
            Way::Hardware(pwm)
        } else if let Some(pin) = pin() {
            Way::Software(Box::new(pin.into_output_high()))
        } else {
            Way::OnOff(gpio::output(number.into())?)
        };
        Ok(Self { line, way })
    }

    /// Drives it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn drive(&mut self, duty: Duty) -> Result<(), HatFanError> {
        let share = f64::from(duty.percent()) / 100.0;
        match &mut self.way {
            Way::Hardware(pwm) => Ok(pwm.set_duty_cycle(share)?),
            Way::Software(pin) => Ok(pin.set_pwm_frequency(SLOW_FREQUENCY, share)?),
            Way::OnOff(request) => {
                let value = if duty == Duty::OFF { Value::Inactive } else { Value::Active };
                let set = request.set_lone_value(value);
                Ok(set.map_err(|error| GpioError::Line { line: u8::from(self.line).into(), error })?)
            }
        }
    }
}
