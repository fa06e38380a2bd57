//! `tayberryctl domain`: shows the owner's domain and its certificate, and wishes another.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use tayberry_core::request::Request;
use tayberry_core::request::domain::{DomainAct, DomainState, DomainWish, Proof};

use super::{CtlError, ask};
use crate::service::client::AgentProxy;

/// What to do; nothing shows the domain alone.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Wish a domain; its certificate is asked for at once
    Set(Box<Set>),
    /// Ask for the certificate now, and not only after the wait that follows a failure
    Try,
    /// No domain any more
    Remove,
}

/// The domain, and how it is proved.
#[derive(Debug, Args)]
pub struct Set {
    /// The domain, such as shop.example.org
    name: String,
    /// The authority's terms of service are agreed to
    #[arg(long, required = true)]
    agree_to_terms: bool,
    /// Where the authority writes to
    #[arg(long)]
    email: Option<String>,
    /// Address of the authority's directory instead of Let's Encrypt's
    #[arg(long, value_name = "URL")]
    directory: Option<String>,
    /// Certificate by which the authority's server is believed, PEM
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Prove it in the DNS: the name server that takes changes (RFC 2136), HOST or HOST:PORT; without one, over port 80
    #[arg(long, value_name = "HOST", requires_all = ["dns_zone", "dns_key"])]
    dns_server: Option<String>,
    /// The zone that is changed, such as example.org
    #[arg(long, value_name = "ZONE")]
    dns_zone: Option<String>,
    /// Name of the key
    #[arg(long, value_name = "NAME")]
    dns_key: Option<String>,
    /// File with the key in base64; without one, the key that the device has stays
    #[arg(long, value_name = "FILE")]
    dns_secret_file: Option<PathBuf>,
    /// Algorithm of the key: hmac-sha256, hmac-sha384 or hmac-sha512
    #[arg(long, value_name = "NAME", default_value = "hmac-sha256")]
    dns_algorithm: String,
    /// How long it takes until all name servers know of a change, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    dns_wait: u16,
}

/// Asks.
///
/// # Errors
/// When a file cannot be read, a value is not allowed, or the agent does not answer.
pub async fn run(agent: &AgentProxy<'_>, command: Option<&Command>) -> Result<DomainState, CtlError> {
    let act = match command {
        None => DomainAct::Look,
        Some(Command::Set(set)) => DomainAct::Wish(Box::new(wish(set)?)),
        Some(Command::Try) => DomainAct::Try,
        Some(Command::Remove) => DomainAct::Forget,
    };
    ask(agent, &Request::Domain(act)).await
}

fn wish(set: &Set) -> Result<DomainWish, CtlError> {
    let proof = match &set.dns_server {
        None => json!("http"),
        Some(server) => json!({ "dns": {
            "server": server, "zone": set.dns_zone, "key": set.dns_key, "algorithm": set.dns_algorithm,
            "secret": text(set.dns_secret_file.as_deref())?, "wait_s": set.dns_wait,
        } }),
    };
    let wish = json!({
        "name": set.name, "proof": proof, "terms_agreed": set.agree_to_terms, "email": set.email,
        "directory": set.directory, "trust": text(set.trust.as_deref())?,
    });
    serde_json::from_value(wish).map_err(|error| CtlError::Refused(error.to_string()))
}

fn text(path: Option<&Path>) -> Result<Option<String>, CtlError> {
    let Some(path) = path else { return Ok(None) };
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|error| CtlError::File { path: path.to_owned(), error })?;
    Ok(Some(text.trim().to_owned()))
}

/// For people.
#[must_use]
pub fn words(now: &DomainState) -> String {
    let Some(wish) = &now.wish else { return "no domain\n".to_owned() };
    let proof = match &wish.proof {
        Proof::Http => "over port 80".to_owned(),
        Proof::Dns(server) => format!("in the zone {} at {}", server.zone, server.server),
    };
    let time = |seconds| {
        jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
    };
    let certificate = match &now.certificate {
        Some(held) => format!("for {} until {}", held.name, time(held.not_after)),
        None if now.busy => "is being asked for".to_owned(),
        None => "none".to_owned(),
    };
    let mut text =
        format!("domain        {}\nproof         {proof}\ncertificate   {certificate}\n", wish.name);
    for (name, value) in [("problem", now.problem.clone()), ("next try", now.next_try.map(time))] {
        if let Some(value) = value {
            text.push_str(&format!("{name:<14}{value}\n"));
        }
    }
    text
}
