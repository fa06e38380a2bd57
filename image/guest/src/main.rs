//! `tayberry-guest dbus`, `gpio`, `relay`, `datagrams`, `mdns-ask` and `mdns-hold`: services of the virtual Pi 5, started by the emulator's own units.
#![allow(clippy::print_stderr, reason = "systemd puts standard error into the journal")]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tayberry_guest::gpio::{Bridge, Chip, ChipError};
use tayberry_guest::{datagrams, dbus, mdns, port, relay};

/// How long a neighbour asks for a name.
const ASK: std::time::Duration = std::time::Duration::from_secs(30);
/// The system bus (D-Bus specification, "Well-known message bus instances").
const BUS: &str = "/run/dbus/system_bus_socket";

#[derive(Debug, thiserror::Error)]
enum GuestError {
    #[error("the port {name}: {error}; the emulator adds it by -device virtserialport,name={name}")]
    Port { name: &'static str, error: io::Error },
    #[error(transparent)]
    Chip(#[from] ChipError),
    #[error("multicast DNS: {0}")]
    Mdns(io::Error),
    #[error("the relay: {0}")]
    Relay(io::Error),
    #[error(
        "usage: tayberry-guest dbus|gpio|relay LISTEN TARGET|datagrams LISTEN TARGET|mdns-ask NAME OWN WANTED|mdns-hold NAME OWN; given: {0:?}"
    )]
    Usage(Vec<String>),
}

fn open(name: &'static str) -> Result<std::fs::File, GuestError> {
    port::open(name).map_err(|error| GuestError::Port { name, error })
}

fn run(words: &[&str]) -> Result<std::convert::Infallible, GuestError> {
    match *words {
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
        [what @ ("relay" | "datagrams"), listen, target] => {
            let target = target.parse().map_err(|_| usage(words))?;
            let listener = std::net::TcpListener::bind(listen).map_err(GuestError::Relay)?;
            let run = if what == "relay" { relay::run } else { datagrams::run };
            run(&listener, target).map_err(GuestError::Relay)
        }
        ["mdns-hold", name, own] => {
            mdns::hold(name, own.parse().map_err(|_| usage(words))?).map_err(GuestError::Mdns)
        }
        _ => Err(usage(words)),
    }
}

fn usage(words: &[&str]) -> GuestError {
    GuestError::Usage(words.iter().map(|word| (*word).to_owned()).collect())
}

/// Whether a name has this address.
fn ask(words: &[&str]) -> Result<(), GuestError> {
    let [name, own, wanted] = words[..] else { return Err(usage(words)) };
    let found = mdns::ask(name, own.parse().map_err(|_| usage(words))?, ASK).map_err(GuestError::Mdns)?;
    let other = || io::Error::other(format!("{name} is {found}"));
    if found.to_string() == wanted { Ok(()) } else { Err(GuestError::Mdns(other())) }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["mdns-ask", ref rest @ ..] => ask(rest),
        _ => run(&words).map(|never| match never {}),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tayberry-guest: {error}");
            ExitCode::FAILURE
        }
    }
}
