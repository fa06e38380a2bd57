//! The agent: root, no network socket, serves `io.tayberry.Agent1` on the system bus. Wiring only.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::time::{ClockId, clock_gettime};
use tayberry_agent::configure;
use tayberry_agent::device::{boot, data};
use tayberry_agent::loops;
use tayberry_agent::service::{Agent, NAME, PATH, Status};
use tayberry_core::timing::stages;
use tayberry_format::boot_report::Data;
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
}

#[derive(Debug, thiserror::Error)]
enum DaemonError {
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    #[error(transparent)]
    Data(#[from] data::DataError),
    #[error(transparent)]
    Configure(#[from] configure::ConfigureError),
    #[error("D-Bus: {0}")]
    Bus(#[from] zbus::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

fn main() -> ExitCode {
    if let Ok(journal) = tracing_journald::layer() {
        tracing_subscriber::registry().with(journal).init();
    } else {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    let done = match Cli::parse() {
        Cli::PrepareData => data::prepare().map_err(DaemonError::from),
        Cli::Configure => configure::run().map_err(DaemonError::from),
        Cli::Serve => serve(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), DaemonError> {
    let report = boot::report()?;
    let facts = boot::facts(&report.disk)?;
    let mut ends = report.steps.clone();
    ends.push(("agent".to_owned(), milliseconds()));
    let mut notices = configure::notices();
    if let Data::Unavailable { why } = &report.data {
        notices.insert(0, why.clone());
    }
    let status = Status { facts, report, stages: stages(&ends) };
    let _bus =
        zbus::connection::Builder::system().name(NAME).serve_at(PATH, Agent(status.clone())).build().await?;
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    tracing::info!("slot {}, ready after {} ms", facts.running, milliseconds());
    tokio::select! {
        never = loops::console::run(status, notices) => match never {},
        never = watchdog() => match never {},
        signal = terminated() => signal.map_err(DaemonError::from),
    }
}

fn milliseconds() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells systemd twice in each interval that this loop still turns (sd_watchdog_enabled(3)).
async fn watchdog() -> std::convert::Infallible {
    let interval = sd_notify::watchdog_enabled().map_or(Duration::from_secs(3600), |interval| interval / 2);
    loop {
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]) {
            tracing::warn!("systemd does not listen: {error}");
        }
        tokio::time::sleep(interval).await;
    }
}

async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}
