//! What `tayberryctl` does: one file a command. Root on the device asks the same questions as pages and scripts do.

pub mod domain;
pub mod network;
pub mod self_test;
pub mod settings;
pub mod stack;
pub mod status;
pub mod update;

use serde::de::DeserializeOwned;
use tayberry_core::request::{Delivery, Outcome, Request};

use crate::service::client::AgentProxy;

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The bus, or the agent on it.
    #[error("the agent does not answer: {0}. See `journalctl -u tayberryd`")]
    Away(#[from] zbus::Error),
    /// The answer cannot be read.
    #[error("the agent's answer cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A file of the caller's.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The agent refused.
    #[error("{0}")]
    Refused(String),
}

/// Asks the agent.
///
/// # Errors
/// With its words.
pub(crate) async fn ask<T: DeserializeOwned>(
    agent: &AgentProxy<'_>,
    request: &Request,
) -> Result<T, CtlError> {
    outcome(&agent.ask(("", ""), "", &serde_json::to_string(request)?).await?)
}

/// Hands the agent a file.
///
/// # Errors
/// With its words.
pub(crate) async fn hand_over<T: DeserializeOwned>(
    agent: &AgentProxy<'_>,
    delivery: &Delivery,
    file: std::fs::File,
) -> Result<T, CtlError> {
    let file = std::os::fd::OwnedFd::from(file);
    outcome(&agent.receive(("", ""), "", &serde_json::to_string(delivery)?, file.into()).await?)
}

/// Reads what the agent said.
///
/// # Errors
/// With its words.
fn outcome<T: DeserializeOwned>(answer: &str) -> Result<T, CtlError> {
    match serde_json::from_str(answer)? {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Problem(problem) => Err(CtlError::Refused(
            problem.detail.map_or(problem.title.clone(), |detail| format!("{}: {detail}", problem.title)),
        )),
    }
}
