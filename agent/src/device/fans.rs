//! All fans of the device: those that the kernel drives, and a HAT's, which is opened when its line is set.

use tayberry_core::thermal::{Duty, FanLine};

use super::hat_fan::HatFan;
use super::hwmon::{Fan, Hwmon};

/// The fans.
#[derive(Default)]
pub struct Fans {
    hat: Option<(FanLine, HatFan)>,
}

/// What came of driving them.
#[derive(Debug, Default)]
pub struct Driven {
    /// Why one could not be driven.
    pub failure: Option<String>,
    /// Turns in a minute, where they are counted.
    pub turns_per_minute: Option<u32>,
}

impl Fans {
    /// Drives all. `line` is the HAT's, if there is one.
    #[must_use]
    pub fn drive(&mut self, duty: Duty, line: Option<FanLine>) -> Driven {
        let fans = Hwmon::default().fans();
        let failed = fans.iter().find_map(|fan| fan.drive(duty).err());
        let failure = failed.map(|(path, error)| format!("{}: {error}", path.display()));
        Driven {
            failure: failure.or(self.drive_hat(duty, line)),
            turns_per_minute: fans.iter().find_map(Fan::turns),
        }
    }

    fn drive_hat(&mut self, duty: Duty, line: Option<FanLine>) -> Option<String> {
        if self.hat.as_ref().map(|(line, _)| *line) != line {
            // Given back first: the new one may be the old one's neighbour on one chip.
            self.hat = None;
        }
        let line = line?;
        if self.hat.is_none() {
            match HatFan::open(line) {
                Ok(fan) => {
                    tracing::info!("a fan at {fan}");
                    self.hat = Some((line, fan));
                }
                Err(error) => return Some(error.to_string()),
            }
        }
        let (_, fan) = self.hat.as_mut()?;
        let failed = fan.drive(duty).err()?;
        self.hat = None;
        Some(failed.to_string())
    }
}
