//! `tayberry-guest dbus` and `tayberry-guest gpio`: services of the virtual Pi 5, started by the emulator's own units.
#![allow(clippy::print_stderr, reason = "systemd puts standard error into the journal")]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tayberry_guest::gpio::{Bridge, Chip, ChipError};
use tayberry_guest::{dbus, port};

/// The system bus (D-Bus specification, "Well-known message bus instances").
const BUS: &str = "/run/dbus/system_bus_socket";

#[derive(Debug, thiserror::Error)]
enum GuestError {
    #[error("the port {name}: {error}; the emulator adds it by -device virtserialport,name={name}")]
    Port { name: &'static str, error: io::Error },
    #[error(transparent)]
    Chip(#[from] ChipError),
    #[error("usage: tayberry-guest dbus|gpio; given: {0:?}")]
    Usage(Option<String>),
}

fn open(name: &'static str) -> Result<std::fs::File, GuestError> {
    port::open(name).map_err(|error| GuestError::Port { name, error })
}

fn run(service: Option<String>) -> Result<std::convert::Infallible, GuestError> {
    match service.as_deref() {
        Some("dbus") => {
            let mut port = open(dbus::PORT)?;
            let Err(error) = dbus::run(&mut port, Path::new(BUS));
            Err(GuestError::Port { name: dbus::PORT, error })
        }
        Some("gpio") => {
            // The chip first: the agent must find it, whether anybody listens at the port or not.
            let chip = Chip::create(&Default::default())?;
            let mut bridge = Bridge::new(open(tayberry_guest::protocol::PORT)?, chip);
            loop {
                bridge
                    .turn()
                    .map_err(|error| GuestError::Port { name: tayberry_guest::protocol::PORT, error })?;
            }
        }
        _ => Err(GuestError::Usage(service)),
    }
}

fn main() -> ExitCode {
    let Err(error) = run(std::env::args().nth(1));
    eprintln!("tayberry-guest: {error}");
    ExitCode::FAILURE
}
