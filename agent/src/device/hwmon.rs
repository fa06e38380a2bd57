//! Temperatures and fans as the kernel shows them (Linux, Documentation/hwmon/sysfs-interface.rst). Each chip is found by its name: their
//! numbers change from start to start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tayberry_core::firmware::Celsius;
use tayberry_core::thermal::{Duty, Sensor};

/// The kernel's folder.
const FOLDER: &str = "/sys/class/hwmon";
/// The processor's sensor, by whichever kernel (drivers/thermal/thermal_hwmon.c names it after its zone).
const PROCESSOR: &str = "cpu_thermal";
/// A drive's (drivers/nvme/host/hwmon.c).
const DRIVE: &str = "nvme";
/// Fans: of mainline's kernel by our overlay, of the vendor's (drivers/hwmon/gpio-fan.c, pwm-fan.c).
const FANS: [&str; 2] = ["gpio_fan", PWM_FAN];
/// The one that counts turns.
const PWM_FAN: &str = "pwmfan";

/// The chips of a board.
pub struct Hwmon {
    folder: PathBuf,
}

/// What drives a fan.
pub struct Fan {
    chip: PathBuf,
}

impl Default for Hwmon {
    fn default() -> Self {
        Self { folder: FOLDER.into() }
    }
}

impl Hwmon {
    /// What the processor says now.
    #[must_use]
    pub fn processor(&self) -> Option<Celsius> {
        temperature(self.chips(&[PROCESSOR]).first()?)
    }

    /// What the drives say now. Who does not answer is not among them. One that hangs lets its reader wait (up to the kernel's 30
    /// seconds, `nvme_core.admin_timeout`).
    #[must_use]
    pub fn drives(&self) -> Vec<(Sensor, Celsius)> {
        let chips = self.chips(&[DRIVE]).into_iter().zip(0..);
        chips.filter_map(|(chip, number)| Some((Sensor::Drive(number), temperature(&chip)?))).collect()
    }

    /// The fans.
    #[must_use]
    pub fn fans(&self) -> Vec<Fan> {
        self.chips(&FANS).into_iter().map(|chip| Fan { chip }).collect()
    }

    /// The chips with these names, in the order of their devices.
    fn chips(&self, names: &[&str]) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let chips = entries.flatten().map(|entry| entry.path());
        let is_named = |chip: &PathBuf| {
            fs::read_to_string(chip.join("name")).is_ok_and(|name| names.contains(&name.trim_end()))
        };
        let mut chips: Vec<PathBuf> = chips.filter(is_named).collect();
        chips.sort_by_key(|chip| fs::canonicalize(chip.join("device")).ok());
        chips
    }
}

fn temperature(chip: &Path) -> Option<Celsius> {
    let text = fs::read_to_string(chip.join("temp1_input")).ok()?;
    text.trim_end().parse().ok().map(Celsius::from_thousandths)
}

impl Fan {
    /// Turns in a minute; none where nothing counts them.
    #[must_use]
    pub fn turns(&self) -> Option<u32> {
        // gpio-fan says what it was told, not what the fan does.
        fs::read_to_string(self.chip.join("name")).ok().filter(|name| name.trim_end() == PWM_FAN)?;
        fs::read_to_string(self.chip.join("fan1_input")).ok()?.trim_end().parse().ok()
    }

    /// Drives it. Said anew in each round: the kernel's own trip points may have driven it meanwhile.
    ///
    /// # Errors
    /// When the kernel refuses, with the file.
    pub fn drive(&self, duty: Duty) -> Result<(), (PathBuf, io::Error)> {
        // A fan that is only on or off is on from 1 on (gpio-fan rounds up).
        let raw = (u32::from(duty.percent()) * 255).div_ceil(100);
        // By hand: 1.
        for (name, value) in [("pwm1_enable", 1), ("pwm1", raw)] {
            let path = self.chip.join(name);
            fs::write(&path, value.to_string()).map_err(|error| (path, error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(folder: &Path, number: u32, files: &[(&str, &str)]) -> PathBuf {
        let chip = folder.join(format!("hwmon{number}"));
        fs::create_dir_all(chip.join("device")).unwrap();
        for (name, text) in files {
            fs::write(chip.join(name), text).unwrap();
        }
        chip
    }

    #[test]
    fn chips_are_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let hwmon = Hwmon { folder: folder.path().to_owned() };
        assert!(hwmon.processor().is_none() && hwmon.drives().is_empty() && hwmon.fans().is_empty());
        chip(folder.path(), 7, &[("name", "nvme\n"), ("temp1_input", "38850\n")]);
        chip(folder.path(), 3, &[("name", "rp1_adc\n"), ("temp1_input", "1000\n")]);
        let processor = chip(folder.path(), 0, &[("name", "cpu_thermal\n"), ("temp1_input", "51200\n")]);
        let fan = chip(folder.path(), 1, &[("name", "gpio_fan\n")]);
        let degrees = Celsius::from_thousandths;
        assert_eq!(hwmon.processor(), Some(degrees(51_200)));
        assert_eq!(hwmon.drives(), [(Sensor::Drive(0), degrees(38_850))]);
        for (percent, raw) in [(0, "0"), (1, "3"), (50, "128"), (100, "255")] {
            hwmon.fans()[0].drive(Duty::try_from(percent).unwrap()).unwrap();
            assert_eq!(fs::read_to_string(fan.join("pwm1")).unwrap(), raw);
        }
        fs::write(processor.join("temp1_input"), "hot\n").unwrap();
        assert_eq!(hwmon.processor(), None);
    }
}
