//! `tayberryctl`: asks the agent of this device, as root. Wiring only.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use tayberry_agent::ctl::{CtlError, domain, network, self_test, settings, stack, status, update};
use tayberry_agent::service::client::AgentProxy;

/// Talks to the agent of this device.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  tayberryctl status\n  tayberryctl settings --timezone Europe/Berlin\n  \
    tayberryctl --json network\n  tayberryctl update check\n  tayberryctl update install\n  \
    tayberryctl stack plan compose.yaml\n  tayberryctl stack apply compose.yaml\n  \
    tayberryctl self-test watchdog\n  tayberryctl domain set shop.example.org --agree-to-terms\n\n\
    Exit codes: 0 done, 1 failed (one sentence says why), 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Show version, slots, state, health and how long the boot took
    Status,
    /// Show the owner's settings, or change some
    Settings(settings::Arguments),
    /// Show interfaces, and the wireless networks in reach
    Network,
    /// Show the owner's domain and its certificate, or act: set, try, remove
    Domain {
        #[command(subcommand)]
        command: Option<domain::Command>,
    },
    /// Hang the device on purpose, and show how its watchdogs brought it back: watchdog, status
    SelfTest {
        #[command(subcommand)]
        command: self_test::Command,
    },
    /// Show the stack, or change it: status, plan, apply, rollback, remove
    Stack {
        #[command(subcommand)]
        command: stack::Command,
    },
    /// Show where updates are, or act: check, install, file, restart, cancel, rollback
    Update {
        #[command(subcommand)]
        command: Option<update::Command>,
    },
}

async fn run(cli: &Cli) -> Result<String, CtlError> {
    let bus = zbus::Connection::system().await?;
    let agent = AgentProxy::new(&bus).await?;
    Ok(match &cli.command {
        Command::Status => shown(cli.json, &status::look(&agent).await?, status::words)?,
        Command::Settings(arguments) => {
            shown(cli.json, &settings::run(&agent, arguments).await?, settings::words)?
        }
        Command::Network => shown(cli.json, &network::look(&agent).await?, network::words)?,
        Command::Domain { command } => {
            shown(cli.json, &domain::run(&agent, command.as_ref()).await?, domain::words)?
        }
        Command::SelfTest { command } => {
            shown(cli.json, &self_test::run(&agent, command).await?, self_test::words)?
        }
        Command::Stack { command } => shown(cli.json, &stack::run(&agent, command).await?, stack::words)?,
        Command::Update { command } => {
            shown(cli.json, &update::run(&agent, command.as_ref()).await?, update::words)?
        }
    })
}

fn shown<T: Serialize>(json: bool, answer: &T, words: fn(&T) -> String) -> serde_json::Result<String> {
    if json { Ok(serde_json::to_string(answer)? + "\n") } else { Ok(words(answer)) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tayberryctl: {error}");
            ExitCode::FAILURE
        }
    }
}
