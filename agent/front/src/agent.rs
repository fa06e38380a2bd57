//! The other side of the system bus: the agent answers every question.

use std::net::IpAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::{Delivery, Outcome, Request};

/// How long an answer may take. The slowest is a password on a busy Pi.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same where a repository is asked or whole slots are read.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

/// Names the socket of an agent that is not on the system bus: in rescue there is none.
const DIRECT: &str = "TAYBERRY_AGENT";

/// Whether the agent is reached without a system bus, as in rescue.
pub(crate) fn is_direct() -> bool {
    std::env::var_os(DIRECT).is_some()
}

/// The way to the agent.
///
/// # Errors
/// When nobody listens there.
pub(crate) async fn connect() -> zbus::Result<zbus::Connection> {
    match std::env::var(DIRECT) {
        Ok(address) => zbus::connection::Builder::address(address.as_str()).p2p().build().await,
        Err(_) => zbus::Connection::system().await,
    }
}

/// The part of `io.tayberry.Agent1` that the front uses.
#[zbus::proxy(
    interface = "io.tayberry.Agent1",
    default_service = "io.tayberry.Agent1",
    default_path = "/io/tayberry/Agent1"
)]
pub(crate) trait Agent {
    /// Counts up whenever another certificate should be asked for.
    #[zbus(property)]
    fn certificates(&self) -> zbus::Result<u32>;
    /// Whether the stack's gateway serves the ports 80 and 443.
    #[zbus(property)]
    fn gateway(&self) -> zbus::Result<bool>;
    /// Answers a request as JSON with an outcome as JSON.
    fn ask(&self, from: (&str, &str), credential: &str, request: &str) -> zbus::Result<String>;
    /// Takes a `Delivery` from a file descriptor.
    fn receive(
        &self,
        from: (&str, &str),
        credential: &str,
        delivery: &str,
        file: zbus::Fd<'_>,
    ) -> zbus::Result<String>;
    /// Writes the archive of all data to a file descriptor; in rescue alone.
    fn export(&self, from: (&str, &str), credential: &str, file: zbus::Fd<'_>) -> zbus::Result<String>;
    /// A certificate chain for a public key; DER.
    fn certify(&self, public_key: &[u8]) -> zbus::Result<Vec<Vec<u8>>>;
    /// The owner's domain, the chain of its certificate (DER) and the key (PKCS #8); all empty where there is none.
    fn domain(&self) -> zbus::Result<(String, Vec<Vec<u8>>, Vec<u8>)>;
}

/// Who asks, and over which connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Address of the browser or script.
    pub(crate) peer: IpAddr,
    /// Address of the device at which it arrived.
    pub(crate) local: IpAddr,
    /// `session SECRET`, `token SECRET`, or nothing.
    pub(crate) credential: String,
}

/// Asks on behalf of `caller`.
///
/// # Errors
/// With the agent's problem, or that it does not answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    agent: &AgentProxy<'_>,
    caller: &Caller,
    request: &Request,
) -> Result<T, Problem> {
    let (peer, local) = (caller.peer.to_string(), caller.local.to_string());
    let patience = match request {
        Request::CheckForUpdate
        | Request::RollBack(_)
        | Request::RestartService(_)
        | Request::StackData
        | Request::RemoveStored(_) => LONG_PATIENCE,
        _ => PATIENCE,
    };
    let request = serde_json::to_string(request).map_err(|error| unusable(&error))?;
    let answer = agent.ask((&peer, &local), &caller.credential, &request);
    let answer = tokio::time::timeout(patience, answer).await.map_err(|late| unusable(&late))?;
    outcome(&answer.map_err(|error| unusable(&error))?)
}

/// Hands the agent a delivery, which it reads from `file`. Answers when that is used up: it may take long.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn hand_over<T: DeserializeOwned>(
    agent: &AgentProxy<'_>,
    caller: &Caller,
    delivery: &Delivery,
    file: std::os::fd::OwnedFd,
) -> Result<T, Problem> {
    let (peer, local) = (caller.peer.to_string(), caller.local.to_string());
    let delivery = serde_json::to_string(delivery).map_err(|error| unusable(&error))?;
    let answer = agent.receive((&peer, &local), &caller.credential, &delivery, file.into()).await;
    outcome(&answer.map_err(|error| unusable(&error))?)
}

/// Has the agent write the archive of all data to `file`. Answers when it is whole: it may take long.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn export(
    agent: AgentProxy<'static>,
    caller: Caller,
    file: std::os::fd::OwnedFd,
) -> Result<(), Problem> {
    let (peer, local) = (caller.peer.to_string(), caller.local.to_string());
    let answer = agent.export((&peer, &local), &caller.credential, file.into()).await;
    outcome(&answer.map_err(|error| unusable(&error))?)
}

fn outcome<T: DeserializeOwned>(answer: &str) -> Result<T, Problem> {
    match serde_json::from_str(answer).map_err(|error| unusable(&error))? {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Problem(problem) => Err(problem),
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("the agent does not answer as it should: {error}");
    Problem::new(Kind::AgentAway, "The agent does not answer. Try again in a moment.")
}
