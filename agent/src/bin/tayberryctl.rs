//! `tayberryctl`: shows on the device what the agent serves on the system bus.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use tayberry_agent::service::client::AgentProxy;

/// Talks to the agent of this device.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  tayberryctl status\n  tayberryctl --json status\n\n\
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
    /// Show version, slots, state and how long the boot took
    Status,
}

#[derive(Serialize)]
struct Status {
    version: String,
    booted_slot: String,
    default_slot: String,
    trial: bool,
    state: String,
    disk: String,
    root_hash: String,
    boot_stages: Vec<(String, u64)>,
    /// Degrees Celsius; none where there is no mailbox.
    soc_temperature: Option<f64>,
}

async fn status() -> zbus::Result<Status> {
    let bus = zbus::Connection::system().await?;
    let agent = AgentProxy::new(&bus).await?;
    Ok(Status {
        version: agent.version().await?,
        booted_slot: agent.booted_slot().await?,
        default_slot: agent.default_slot().await?,
        trial: agent.trial().await?,
        state: agent.state().await?,
        disk: agent.disk().await?,
        root_hash: agent.root_hash().await?,
        boot_stages: agent.boot_stages().await?,
        soc_temperature: agent.soc_temperature().await.ok(),
    })
}

fn print(status: &Status, json: bool) {
    if json {
        println!("{}", serde_json::to_string(status).unwrap_or_default());
        return;
    }
    println!("version       {}", status.version);
    println!("slot          {} ({}), next boot {}", status.booted_slot, status.state, status.default_slot);
    println!("disk          {}", status.disk);
    println!("root hash     {}", status.root_hash);
    if let Some(degrees) = status.soc_temperature {
        println!("temperature   {degrees:.1} °C");
    }
    for (name, length) in &status.boot_stages {
        println!("boot {name:8} {length:6} ms");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { command: Command::Status, json } = Cli::parse();
    match status().await {
        Ok(status) => {
            print(&status, json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tayberryctl: the agent does not answer: {error}. See `journalctl -u tayberryd`.");
            ExitCode::FAILURE
        }
    }
}
