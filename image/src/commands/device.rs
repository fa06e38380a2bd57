//! `tayberry device HOST …`: sets up and asks a device in the network.

use std::net::IpAddr;

use clap::Subcommand;
use serde_json::json;

use crate::commands::CommandError;
use crate::device::fingerprint::Fingerprint;
use crate::device::host::Host;
use crate::device::session::Credentials;
use crate::device::store::Store;
use crate::device::{Device, DeviceError, claim, pin, session, show};
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tayberry device tayberry.local pin\n  \
    tayberry device tayberry.local claim --code 12345678 --owner Margarete --name kitchen\n  \
    tayberry device kitchen.local sign-in --name Margarete\n  \
    tayberry device kitchen.local status\n  \
    tayberry device kitchen.local settings --channel beta\n\n\
    The device's authority and the access token lie in the folder tayberry/devices of your configuration folder.")]
pub struct Arguments {
    /// The device's name or address, and its port unless that is 8443
    host: Host,
    /// Where the device is, instead of looking its name up
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    #[command(subcommand)]
    order: Order,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Order {
    /// Fetch the device's authority, compare its fingerprint with the device's screen, and trust it from now on
    Pin {
        /// The fingerprint, instead of comparing it when asked
        #[arg(long, value_name = "FINGERPRINT")]
        fingerprint: Option<Fingerprint>,
    },
    /// Take a new device with its claim code, and do its whole setup
    Claim(Box<claim::Arguments>),
    /// Sign in as the owner, and keep an access token
    SignIn(Credentials),
    /// Show how the device is
    Status,
    /// Show the settings, or change some
    Settings(show::Change),
    /// Revoke the access token
    SignOut(Credentials),
}

/// Runs the command.
///
/// # Errors
/// When the device cannot be trusted or reached, or with its own sentence.
pub fn run(arguments: &Arguments, ui: Ui) -> Result<(), CommandError> {
    let device =
        Device { host: arguments.host.clone(), address: arguments.address, store: Store::find()?, ui };
    Ok(act(&device, &arguments.order)?)
}

fn act(device: &Device, order: &Order) -> Result<(), DeviceError> {
    let (ui, host) = (device.ui, &device.host);
    match order {
        Order::Pin { fingerprint } => {
            let pinned = pin::pin(device, *fingerprint)?;
            ui.result(format!("{host} is pinned: {}", pinned.fingerprint), &pinned);
        }
        Order::Claim(arguments) => {
            let claimed = claim::claim(device, arguments)?;
            ui.result(format!("The device is yours: {}", claimed.address), &claimed);
        }
        Order::SignIn(credentials) => {
            let file = session::sign_in(device, credentials)?;
            ui.result(
                format!("Signed in to {host}; the token is in {}", file.display()),
                &json!({ "file": file }),
            );
        }
        Order::Status => {
            let status = show::status(device)?;
            ui.result(show::lines(&status), &status);
        }
        Order::Settings(change) => {
            let settings = show::settings(device, change)?;
            ui.result(show::lines(&settings), &settings);
        }
        Order::SignOut(credentials) => {
            session::sign_out(device, credentials)?;
            ui.result(format!("Signed out of {host}; the token is revoked"), &json!({ "signed_in": false }));
        }
    }
    Ok(())
}
