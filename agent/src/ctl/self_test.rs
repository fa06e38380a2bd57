//! `tayberryctl self-test watchdog`: hangs the device on purpose, and shows how it came back.

use std::fmt::Write as _;

use clap::{Subcommand, ValueEnum};
use tayberry_core::request::Request;
use tayberry_core::self_test::{SelfTest, Stage};

use super::{CtlError, ask};
use crate::service::client::AgentProxy;

/// What is tested.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Let each stage hang, one after the other; the device restarts four times
    Watchdog {
        /// Only these
        #[arg(long = "stage", value_enum)]
        stages: Vec<Named>,
    },
    /// Show what came back, and what is still to be tested
    Status,
}

/// A stage on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// A service of the stack
    Service,
    /// The agent
    Agent,
    /// Process 1
    Systemd,
    /// The kernel
    Kernel,
    /// The first process of the initramfs
    Initramfs,
}

impl Named {
    const fn stage(self) -> Stage {
        match self {
            Self::Service => Stage::Service,
            Self::Agent => Stage::Agent,
            Self::Systemd => Stage::Systemd,
            Self::Kernel => Stage::Kernel,
            Self::Initramfs => Stage::Initramfs,
        }
    }
}

/// Asks.
///
/// # Errors
/// When the agent does not answer, or refuses.
pub async fn run(agent: &AgentProxy<'_>, command: &Command) -> Result<SelfTest, CtlError> {
    match command {
        Command::Watchdog { stages } => {
            let stages = stages.iter().map(|named| named.stage()).collect();
            ask(agent, &Request::SelfTest(Some(stages))).await
        }
        Command::Status => ask(agent, &Request::SelfTest(None)).await,
    }
}

/// For people.
#[must_use]
pub fn words(test: &SelfTest) -> String {
    let mut text = String::new();
    for one in &test.done {
        // Writing to a String cannot fail.
        let how = one
            .why_not
            .as_ref()
            .map_or_else(|| format!("{} s", one.seconds), |why| format!("not tested: {why}"));
        writeln!(text, "{:10} {how}", one.stage.name()).unwrap_or_default();
    }
    for stage in test.running.iter().map(|running| running.stage).chain(test.waiting.iter().copied()) {
        writeln!(text, "{:10} waits", stage.name()).unwrap_or_default();
    }
    if text.is_empty() {
        "Nothing was tested. Begin with `tayberryctl self-test watchdog`.\n".clone_into(&mut text);
    } else if test.goes_on() {
        text.push_str("Look again with `tayberryctl self-test status`.\n");
    }
    text
}
