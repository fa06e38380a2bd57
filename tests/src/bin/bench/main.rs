//! `scripts/bench`: measures what DESIGN section 9 sets bars for, each beside a baseline in the same run. One file a
//! benchmark; each prints a table for people and one JSON object as its last line.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its results")]

mod agent;
mod baseline;
mod boot;
mod build;
mod debian;
mod downtime;
mod load;
mod metrics;
mod stack;
mod stock;
mod update;

use std::process::ExitCode;

use system_tests::{Fixture, JourneyError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[&str]) -> Result<(), JourneyError> {
    match words {
        ["build"] => build::run(),
        ["agent"] => agent::run(&Fixture::load()?).await,
        ["boot"] => boot::run(&Fixture::load()?).await,
        ["downtime"] => downtime::run(&Fixture::load()?).await,
        ["metrics"] => metrics::run(&Fixture::load()?).await,
        ["stack"] => stack::run(&Fixture::load()?).await,
        ["stack", "native"] => stack::native::run(&std::env::current_dir()?),
        ["stack", "native", "inside"] => stack::native::inside(),
        ["update"] => update::run(&Fixture::load()?).await,
        ["install", version, work] => update::child(version.as_ref(), work.as_ref()),
        _ => Err(JourneyError::Failed(
            "say which: scripts/bench agent, boot, build, downtime, metrics, stack or update".into(),
        )),
    }
}

/// A failure of a step, in its own words.
fn failed(error: impl std::fmt::Display) -> JourneyError {
    JourneyError::Failed(error.to_string())
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Prints the last line: a JSON object.
fn result(value: &serde_json::Value) {
    println!("{value}");
}
