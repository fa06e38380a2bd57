//! A GPIO chip made by the kernel's simulator (kernel documentation, admin-guide/gpio/gpio-sim.rst): 54 lines and the
//! label of the Pi 5's header chip, so that the agent finds it as it finds the real one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use crate::protocol::{BOARD_CHIP, BOARD_LINES, FAN, LINES};

/// Label of the Pi 5's chip (kernel, drivers/pinctrl/pinctrl-rp1.c).
const LABEL: &str = "pinctrl-rp1";
/// Names of lines 0 to 53, as in Raspberry Pi's bcm2712-rpi-5-b.dts and our own overlay for Debian's device tree.
const NAMES: &str = "ID_SDA ID_SCL GPIO2 GPIO3 GPIO4 GPIO5 GPIO6 GPIO7 GPIO8 GPIO9 GPIO10 GPIO11 GPIO12 GPIO13 GPIO14 \
    GPIO15 GPIO16 GPIO17 GPIO18 GPIO19 GPIO20 GPIO21 GPIO22 GPIO23 GPIO24 GPIO25 GPIO26 GPIO27 PCIE_RP1_WAKE FAN_TACH \
    HOST_SDA HOST_SCL ETH_RST_N - CD0_IO0_MICCLK CD0_IO0_MICDAT0 RP1_PCIE_CLKREQ_N - CD0_SDA CD0_SCL CD1_SDA CD1_SCL \
    USB_VBUS_EN USB_OC_N RP1_STAT_LED FAN_PWM CD1_IO0_MICCLK 2712_WAKE CD1_IO1_MICDAT1 EN_MAX_USB_CUR - - - -";
/// Lines that read 1 while nothing is connected: 0 to 8 have a pull-up after reset (BCM2835 ARM Peripherals, table
/// 6-31; kept since), the button on 5 among them; the fan's line is active low, so high is off.
const PULLED_UP: [u32; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, FAN];

/// A chip that cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ChipError {
    /// The simulator is not there.
    #[error("{0} does not exist; load the module gpio-sim")]
    NoSimulator(PathBuf),
    /// A file of the simulator.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A line's value is neither 0 nor 1.
    #[error("{path} reads {text:?} instead of 0 or 1")]
    Value {
        /// The file.
        path: PathBuf,
        /// Its content.
        text: String,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ChipError {
    move |error| ChipError::Io { path: path.to_owned(), error }
}

/// Where the kernel's file systems are.
pub struct Roots {
    /// configfs.
    pub config: PathBuf,
    /// Folder of platform devices in sysfs.
    pub platform: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { config: "/sys/kernel/config".into(), platform: "/sys/devices/platform".into() }
    }
}

/// A live chip.
pub struct Chip {
    folder: PathBuf,
    /// The folder of the chip with the lines that the kernel drives.
    board: Option<PathBuf>,
}

impl Chip {
    /// Makes the chip, or takes the one that an earlier run made. Loaded modules are needed: configfs, gpio-sim.
    ///
    /// # Errors
    /// When the simulator is missing or refuses something.
    pub fn create(roots: &Roots) -> Result<Self, ChipError> {
        let simulator = roots.config.join("gpio-sim");
        if !simulator.exists() {
            // Mounted by systemd on first use, elsewhere by nobody. Mounted twice does no harm.
            mount(None::<&str>, &roots.config, Some("configfs"), MsFlags::empty(), None::<&str>)
                .map_err(|errno| at(&roots.config)(errno.into()))?;
        }
        if !simulator.exists() {
            return Err(ChipError::NoSimulator(simulator));
        }
        let device = simulator.join("tayberry");
        let bank = device.join("bank0");
        let live = device.join("live");
        if fs::read_to_string(&live).is_ok_and(|text| text.trim_end() == "1") {
            return Self::of(&device, &bank, roots);
        }
        configure(&bank)?;
        write(&live, "1")?;
        let chip = Self::of(&device, &bank, roots)?;
        for line in PULLED_UP {
            chip.pull(line, true)?;
        }
        Ok(chip)
    }

    fn of(device: &Path, bank: &Path, roots: &Roots) -> Result<Self, ChipError> {
        let (device, chip) = (read(&device.join("dev_name"))?, read(&bank.join("chip_name"))?);
        let of_the_board = fs::read_dir(roots.platform.join(BOARD_CHIP)).into_iter().flatten().flatten();
        let is_chip = |path: &PathBuf| path.join("sim_gpio0").exists();
        let board = of_the_board.map(|entry| entry.path()).find(is_chip);
        Ok(Self { folder: roots.platform.join(device).join(chip), board })
    }

    fn attribute(&self, line: u32, name: &str) -> PathBuf {
        let on_board = BOARD_LINES.iter().position(|other| *other == line);
        if let Some((board, index)) = self.board.as_ref().zip(on_board) {
            return board.join(format!("sim_gpio{index}")).join(name);
        }
        self.folder.join(format!("sim_gpio{line}")).join(name)
    }

    /// Pulls a line from outside. A line that the guest drives keeps its level until it is let go.
    ///
    /// # Errors
    /// When the line does not exist.
    pub fn pull(&self, line: u32, up: bool) -> Result<(), ChipError> {
        write(&self.attribute(line, "pull"), if up { "pull-up" } else { "pull-down" })
    }

    /// The level of a line: what the guest drives, else what it is pulled to.
    ///
    /// # Errors
    /// When the line does not exist.
    pub fn level(&self, line: u32) -> Result<bool, ChipError> {
        let path = self.attribute(line, "value");
        match read(&path)?.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            text => Err(ChipError::Value { path, text: text.to_owned() }),
        }
    }
}

fn configure(bank: &Path) -> Result<(), ChipError> {
    fs::create_dir_all(bank).map_err(at(bank))?;
    write(&bank.join("num_lines"), &LINES.to_string())?;
    write(&bank.join("label"), LABEL)?;
    for (line, name) in NAMES.split_ascii_whitespace().enumerate().filter(|(_, name)| *name != "-") {
        let folder = bank.join(format!("line{line}"));
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        write(&folder.join("name"), name)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), ChipError> {
    fs::write(path, text).map_err(at(path))
}

fn read(path: &Path) -> Result<String, ChipError> {
    Ok(fs::read_to_string(path).map_err(at(path))?.trim_end().to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file of the made-up chip below `folder`.
    pub(in crate::gpio) fn attribute(folder: &Path, line: u32, name: &str) -> PathBuf {
        folder.join(format!("platform/gpio-sim.0/gpiochip0/sim_gpio{line}/{name}"))
    }

    /// Folders and files as the simulator would make them; every line reads 1.
    pub(in crate::gpio) fn simulated(folder: &Path) -> Chip {
        let bank = folder.join("config/gpio-sim/tayberry/bank0");
        fs::create_dir_all(&bank).unwrap();
        fs::write(bank.join("chip_name"), "gpiochip0\n").unwrap();
        fs::write(folder.join("config/gpio-sim/tayberry/dev_name"), "gpio-sim.0\n").unwrap();
        for line in 0..LINES {
            fs::create_dir_all(attribute(folder, line, "")).unwrap();
            fs::write(attribute(folder, line, "value"), "1\n").unwrap();
        }
        let roots = Roots { config: folder.join("config"), platform: folder.join("platform") };
        Chip::create(&roots).unwrap()
    }

    #[test]
    fn a_chip_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        simulated(folder.path());
        let device = folder.path().join("config/gpio-sim/tayberry");
        let text = |name: &str| fs::read_to_string(device.join(name)).unwrap();
        assert_eq!((text("bank0/num_lines"), text("bank0/label")), ("54".into(), LABEL.into()));
        assert_eq!(text("bank0/line45/name"), "FAN_PWM");
        assert_eq!(text("bank0/line5/name"), "GPIO5");
        assert!(!device.join("bank0/line33").exists() && !device.join("bank0/line54").exists());
        assert_eq!(text("live"), "1");
        let button = attribute(folder.path(), 5, "pull");
        assert_eq!(fs::read_to_string(&button).unwrap(), "pull-up");
        fs::write(&button, "pull-down").unwrap();
        simulated(folder.path());
        assert_eq!(fs::read_to_string(&button).unwrap(), "pull-down", "a live chip is left alone");
    }

    #[test]
    fn a_level_that_makes_no_sense_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let chip = simulated(folder.path());
        fs::write(attribute(folder.path(), 3, "value"), "maybe").unwrap();
        assert!(chip.level(3).unwrap_err().to_string().contains("maybe"));
        assert!(chip.level(LINES + 1).is_err());
    }

    #[test]
    fn every_line_has_a_name_or_none() {
        assert_eq!(NAMES.split_ascii_whitespace().count(), usize::try_from(LINES).unwrap());
    }
}
