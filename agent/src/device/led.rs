//! The status LED, through the kernel's LED class (Linux, leds/leds-class.rst).

use std::io;
use std::path::{Path, PathBuf};

/// The Pi 5's green LED: our overlay and Raspberry Pi's device tree call it so.
const FOLDER: &str = "/sys/class/leds/ACT";

/// The LED.
pub struct Led {
    brightness: PathBuf,
}

impl Led {
    /// Takes it: nothing in the kernel blinks it from now on.
    ///
    /// # Errors
    /// When the board has none, or the kernel refuses.
    pub fn take() -> io::Result<Self> {
        let folder = Path::new(FOLDER);
        std::fs::write(folder.join("trigger"), "none")?;
        Ok(Self { brightness: folder.join("brightness") })
    }

    /// Lights it, or not.
    ///
    /// # Errors
    /// When it is gone.
    pub fn light(&self, on: bool) -> io::Result<()> {
        std::fs::write(&self.brightness, if on { "1" } else { "0" })
    }
}
