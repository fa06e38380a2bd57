//! The agent: root, no network socket, serves `io.tayberry.Agent1` on the system bus. Wiring only.

use std::process::ExitCode;

use clap::Parser;
use tayberry_agent::device::data;
use tayberry_agent::{agent, configure, live, rescue};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The agent of a Tayberry device.
#[derive(Parser)]
#[command(version)]
enum Cli {
    /// Serve io.tayberry.Agent1 on the system bus
    Serve,
    /// Make or check the file system of the data partition, before it is mounted at /var
    PrepareData,
    /// Take over a new preseed file and render the configuration, before the network starts
    Configure,
    /// Put the system of the other slot where a soft reboot goes
    NextRoot,
    /// Take it away again
    NoNextRoot,
    /// End a switch to the other slot that nobody judges
    Guard,
    /// In the rescue system: look at both slots, start a whole one, or serve the page of rescue
    Rescue,
}

#[derive(Debug, thiserror::Error)]
enum DaemonError {
    #[error(transparent)]
    Data(#[from] data::DataError),
    #[error(transparent)]
    Configure(#[from] configure::ConfigureError),
    #[error(transparent)]
    Agent(#[from] agent::AgentError),
    #[error(transparent)]
    NextRoot(#[from] live::NextError),
    #[error(transparent)]
    Guard(#[from] live::GuardError),
    #[error(transparent)]
    Rescue(#[from] rescue::RescueError),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Libraries trace every frame of a connection: that is for those who debug them.
    if let Ok(journal) = tracing_journald::layer() {
        tracing_subscriber::registry().with(LevelFilter::INFO).with(journal).init();
    } else {
        tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    }
    let done = match Cli::parse() {
        Cli::PrepareData => data::prepare().map_err(DaemonError::from),
        Cli::Configure => configure::run().map_err(DaemonError::from),
        Cli::NextRoot => live::next_root().map_err(DaemonError::from),
        Cli::NoNextRoot => {
            live::no_next_root();
            Ok(())
        }
        Cli::Guard => live::guard().await.map(|never| match never {}).map_err(DaemonError::from),
        Cli::Rescue => rescue::run().await.map(|never| match never {}).map_err(DaemonError::from),
        Cli::Serve => agent::serve().await.map_err(DaemonError::from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
