//! `tayberry-guest dbus`, `gpio` and `relay LISTEN TARGET`: services of the virtual Pi 5, started by the emulator's own units.
#![allow(clippy::print_stderr, reason = "systemd puts standard error into the journal")]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tayberry_guest::gpio::{Bridge, Chip, ChipError};
use tayberry_guest::{dbus, port, relay};

/// The system bus (D-Bus specification, "Well-known message bus instances").
const BUS: &str = "/run/dbus/system_bus_socket";

#[derive(Debug, thiserror::Error)]
enum GuestError {
    #[error("the port {name}: {error}; the emulator adds it by -device virtserialport,name={name}")]
    Port { name: &'static str, error: io::Error },
    #[error(transparent)]
    Chip(#[from] ChipError),
    #[error("the relay: {0}")]
    Relay(io::Error),
    #[error("usage: tayberry-guest dbus|gpio|relay LISTEN TARGET; given: {0:?}")]
    Usage(Vec<String>),
}

fn open(name: &'static str) -> Result<std::fs::File, GuestError> {
    port::open(name).map_err(|error| GuestError::Port { name, error })
}

fn run(words: &[String]) -> Result<std::convert::Infallible, GuestError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["dbus"] => {
            let mut port = open(dbus::PORT)?;
            let Err(error) = dbus::run(&mut port, Path::new(BUS));
            Err(GuestError::Port { name: dbus::PORT, error })
        }
        ["gpio"] => {
            // The chip first: the agent must find it, whether anybody listens at the port or not.
            let chip = Chip::create(&Default::default())?;
            let mut bridge = Bridge::new(open(tayberry_guest::protocol::PORT)?, chip);
            loop {
                bridge
                    .turn()
                    .map_err(|error| GuestError::Port { name: tayberry_guest::protocol::PORT, error })?;
            }
        }
        ["relay", listen, target] => {
            let target = target.parse().map_err(|_| usage(&words))?;
            let listener = std::net::TcpListener::bind(listen).map_err(GuestError::Relay)?;
            relay::run(&listener, target).map_err(GuestError::Relay)
        }
        _ => Err(usage(&words)),
    }
}

fn usage(words: &[&str]) -> GuestError {
    GuestError::Usage(words.iter().map(|word| (*word).to_owned()).collect())
}

fn main() -> ExitCode {
    let Err(error) = run(&std::env::args().skip(1).collect::<Vec<_>>());
    eprintln!("tayberry-guest: {error}");
    ExitCode::FAILURE
}
