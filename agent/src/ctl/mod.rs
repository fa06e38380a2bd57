//! What `tayberryctl` does: one file a command. Root on the device asks the same questions as pages and scripts do.

pub mod network;
pub mod settings;
pub mod status;

use serde::de::DeserializeOwned;
use tayberry_core::request::{Outcome, Request};

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
    let answer = agent.ask(("", ""), "", &serde_json::to_string(request)?).await?;
    match serde_json::from_str(&answer)? {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Problem(problem) => Err(CtlError::Refused(
            problem.detail.map_or(problem.title.clone(), |detail| format!("{}: {detail}", problem.title)),
        )),
    }
}
