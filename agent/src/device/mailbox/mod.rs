//! Asks the Raspberry Pi firmware through its mailbox: temperature, throttling, reboot flags.
//!
//! The kernel's `/dev/vcio` carries the questions, ours or the vendor's; in the virtual Pi 5 a virtio port stands for
//! it. A mailbox is opened for a few questions and closed again: the port serves one owner at a time.

mod port;
mod vcio;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use tayberry_core::firmware::{Celsius, RebootFlags, Throttled};
use tayberry_format::property::{self, PropertyError, tag};

/// How long the firmware may take for an answer. The kernel itself waits at most one second.
const PATIENCE: Duration = Duration::from_secs(2);

/// Registers of the clock: its time, and its battery's voltage.
pub const CLOCK_TIME: u32 = 0;
/// As [`CLOCK_TIME`].
pub const CLOCK_BATTERY: u32 = 7;

/// A question that the firmware did not answer.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// There is nobody to ask.
    #[error("this board has no mailbox: {device} does not exist; on a Raspberry Pi load the module vcio")]
    Absent {
        /// The device that was looked for.
        device: PathBuf,
    },
    /// The device or port failed.
    #[error("{path}: {error}")]
    Io {
        /// The device.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The answer is not one, or the tag is not known.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// A temperature that no processor has.
    #[error("the firmware reports {0} thousandths of a degree Celsius")]
    Temperature(u32),
    /// The try-once flag was set but is not there.
    #[error(
        "the firmware did not keep the try-once flag (flags read back: {0:#x}); do not reboot into a trial"
    )]
    NotArmed(u32),
}

enum Way {
    Vcio(File),
    Port(File),
}

/// An open mailbox.
pub struct Mailbox {
    path: PathBuf,
    way: Way,
}

/// Where devices are looked for.
struct Roots<'a> {
    dev: &'a Path,
    ports: &'a Path,
}

impl Mailbox {
    /// Opens the board's mailbox.
    ///
    /// # Errors
    /// When there is none, or somebody else keeps it for more than two seconds.
    pub fn open() -> Result<Self, MailboxError> {
        Self::open_at(&Roots { dev: Path::new("/dev"), ports: Path::new("/sys/class/virtio-ports") })
    }

    fn open_at(roots: &Roots<'_>) -> Result<Self, MailboxError> {
        let device = roots.dev.join("vcio");
        if device.exists() {
            let file = open(&device, OFlag::empty())?;
            return Ok(Self { path: device, way: Way::Vcio(file) });
        }
        let Some(name) = port::find(roots.ports, property::PORT) else {
            return Err(MailboxError::Absent { device });
        };
        let path = roots.dev.join(name);
        let file = open(&path, OFlag::O_NONBLOCK)?;
        Ok(Self { path, way: Way::Port(file) })
    }

    /// Asks about one tag: sends `request`, expects exactly `response` words.
    ///
    /// # Errors
    /// When the firmware does not answer in time, does not know the tag, or answers with another length.
    pub fn property(&mut self, tag: u32, request: &[u32], response: usize) -> Result<Vec<u32>, MailboxError> {
        let question = property::question(tag, request, response)?;
        let answer = match &mut self.way {
            Way::Vcio(file) => vcio::exchange(file, question),
            Way::Port(file) => port::exchange(file, &question, PATIENCE),
        };
        let answer = answer.map_err(|error| MailboxError::Io { path: self.path.clone(), error })?;
        Ok(property::response(&answer, tag, response)?)
    }

    /// Revision code of the board (Raspberry Pi documentation, "Raspberry Pi revision codes").
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn revision(&mut self) -> Result<u32, MailboxError> {
        Ok(self.property(tag::BOARD_REVISION, &[], 1)?[0])
    }

    /// Temperature of the processor.
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn temperature(&mut self) -> Result<Celsius, MailboxError> {
        // The first word is the number of the sensor; there is one.
        let value = self.property(tag::TEMPERATURE, &[0], 2)?[1];
        i32::try_from(value).map(Celsius::from_thousandths).map_err(|_| MailboxError::Temperature(value))
    }

    /// Under-voltage and throttling, now and since the start. Forgets nothing.
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn throttled(&mut self) -> Result<Throttled, MailboxError> {
        Ok(Throttled(self.property(tag::THROTTLED, &[0], 1)?[0]))
    }

    /// A register of the clock with the battery: 0 is the time in seconds since 1970, 7 the battery's voltage in microvolts
    /// (drivers/rtc/rtc-rpi.c in github.com/raspberrypi/linux).
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn clock(&mut self, register: u32) -> Result<u32, MailboxError> {
        Ok(self.property(tag::GET_RTC, &[register, 0], 2)?[1])
    }

    /// Sets the clock with the battery.
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn set_clock(&mut self, seconds: u32) -> Result<(), MailboxError> {
        self.property(tag::SET_RTC, &[CLOCK_TIME, seconds], 2).map(drop)
    }

    /// What the firmware will do at the next reset.
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn reboot_flags(&mut self) -> Result<RebootFlags, MailboxError> {
        Ok(RebootFlags(self.property(tag::GET_REBOOT_FLAGS, &[], 1)?[0]))
    }

    /// Makes the next boot a trial, and reads the flag back.
    ///
    /// # Errors
    /// As [`Self::property`], and when the flag does not stay.
    pub fn set_try_once(&mut self) -> Result<(), MailboxError> {
        self.property(tag::SET_REBOOT_FLAGS, &[RebootFlags::TRY_ONCE.0], 1)?;
        let flags = self.reboot_flags()?;
        if flags.try_once() { Ok(()) } else { Err(MailboxError::NotArmed(flags.0)) }
    }

    /// Makes the firmware count boots anew: at the third that nobody clears it goes to rescue (rpi-eeprom release notes
    /// 2025-02-11; `[boot_count>2]` in our `config.txt`).
    ///
    /// # Errors
    /// As [`Self::property`].
    pub fn clear_boot_count(&mut self) -> Result<(), MailboxError> {
        self.property(tag::SET_BOOT_COUNT, &[0], 1).map(drop)
    }
}

/// Opens a device; one that is in use is waited for.
fn open(path: &Path, flags: OFlag) -> Result<File, MailboxError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                port::nap(Duration::from_millis(20))
                    .map_err(|error| MailboxError::Io { path: path.to_owned(), error })?;
            }
            opened => {
                return opened.map_err(|error| MailboxError::Io { path: path.to_owned(), error });
            }
        }
    }
}

#[cfg(test)]
mod tests;
