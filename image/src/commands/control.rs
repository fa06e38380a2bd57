//! `tayberry control SOCKET …`: does something to a running virtual Pi 5 that was started with `--control`.

use std::path::PathBuf;

use crate::commands::CommandError;
use crate::emulate::EmulateError;
use crate::emulate::control::{Order, Reply, Status, socket};
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tayberry emulate --control /tmp/pi --record /tmp/writes &\n  \
    tayberry control /tmp/pi temperature 80\n  \
    tayberry control /tmp/pi button press\n  \
    tayberry control /tmp/pi fan\n  \
    tayberry control /tmp/pi power cut\n  \
    tayberry control /tmp/pi power on\n  \
    tayberry control /tmp/pi cable pull\n  \
    tayberry control /tmp/pi tear\n  \
    tayberry --json control /tmp/pi status\n\n\
    Scripts may also write to the socket: one JSON object a line, such as {\"do\":\"temperature\",\"celsius\":80}.")]
pub struct Arguments {
    /// The socket that was named with `tayberry emulate --control`
    socket: PathBuf,
    #[command(subcommand)]
    order: Order,
}

/// Runs the command.
///
/// # Errors
/// When nobody serves the socket, or the order cannot be obeyed.
pub fn run(arguments: &Arguments, ui: Ui) -> Result<(), CommandError> {
    arguments.order.check().map_err(EmulateError::Control)?;
    match socket::send(&arguments.socket, &arguments.order)? {
        Reply::Error { why } => Err(EmulateError::Control(why).into()),
        reply => {
            ui.result(words(&reply), &reply);
            Ok(())
        }
    }
}

fn words(reply: &Reply) -> String {
    match reply {
        Reply::Done => "done".to_owned(),
        Reply::Fan { running } => format!("the fan is {}", if *running { "on" } else { "off" }),
        Reply::Torn(torn) => {
            format!(
                "power cut; of the last write, {} bytes at {}, {} are on the disk",
                torn.bytes, torn.offset, torn.kept
            )
        }
        Reply::Status(status) => describe(status),
        Reply::Error { why } => why.clone(),
    }
}

fn describe(status: &Status) -> String {
    let slot = status.slot.map_or_else(|| "none".to_owned(), |slot| slot.to_string());
    let exits: Vec<String> = status.exits.iter().map(|exit| format!("{exit:?}").to_lowercase()).collect();
    let yes = |flag| if flag { "yes" } else { "no" };
    format!(
        "power      {}\nslot       {slot}\ntrial      {}\ntry-once   {}\nboots      {}\nended by   {}",
        if status.on { "on" } else { "off" },
        yes(status.trial),
        yes(status.try_once),
        status.boots,
        exits.join(", ")
    )
}
