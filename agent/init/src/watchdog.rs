//! Starts the hardware watchdog before anything can hang. systemd takes it over (`RuntimeWatchdogSec`); until then
//! nobody feeds it but who reads a whole slot, which bounds the time from here to systemd. In rescue, process 1 feeds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use tayberry_format::cmdline;

use crate::machine::Machine;
use crate::steps;

/// Seconds until the hardware resets the board; the Pi 5's counter ends just below 16 s (kernel,
/// drivers/watchdog/bcm2835_wdt.c).
const SECONDS: i32 = 15;

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrappers; they are called in one place below")]
    // WDIOC_SETTIMEOUT of linux/watchdog.h.
    nix::ioctl_readwrite!(set_timeout, b'W', 6, i32);
}

/// The running watchdog.
pub(crate) struct Watchdog(File);

impl Watchdog {
    fn feed(&self) -> io::Result<()> {
        (&self.0).write_all(b"\n")
    }
}

/// Begins its time anew, if there is one; false once it takes nothing any more, which says nothing about a slot.
pub(crate) fn feed(watchdog: Option<&Watchdog>) -> bool {
    match watchdog.map(Watchdog::feed) {
        None | Some(Ok(())) => true,
        Some(Err(error)) => {
            steps::say(&format!("the watchdog cannot be fed: {error}"));
            false
        }
    }
}

/// Opens the watchdog and leaves it running: closing it without the letter V does not stop it (kernel documentation,
/// watchdog/watchdog-api.rst). Without a watchdog the boot goes on; the agent reports that there is none.
#[allow(unsafe_code, reason = "one ioctl with a pointer to a local integer")]
pub(crate) fn start(machine: &Machine) -> Option<Watchdog> {
    let wanted = cmdline::value(&machine.cmdline, "tayberry.watchdog").and_then(|text| text.parse().ok());
    let mut seconds = wanted.unwrap_or(SECONDS);
    let device = match OpenOptions::new().write(true).open("/dev/watchdog") {
        Ok(device) => device,
        Err(error) => {
            steps::say(&format!("no hardware watchdog: {error}"));
            return None;
        }
    };
    // SAFETY: the descriptor is open, and the kernel reads and writes one int behind the pointer.
    if let Err(errno) = unsafe { ioctl::set_timeout(device.as_raw_fd(), &raw mut seconds) } {
        steps::say(&format!("the watchdog keeps its own timeout: {errno}"));
    }
    Some(Watchdog(device))
}
