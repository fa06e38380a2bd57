//! A domain of the owner's own: what may be wished, what is remembered of it, and when its certificate is asked for. Asking is left to
//! the agent. Times are seconds since 1970.

mod name;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::request::domain::{DnsServer, DomainCertificate, DomainWish, Proof};

pub use name::{DomainName, NameError};

/// The authority's directory if none is named (letsencrypt.org/docs/acme-protocol-updates).
pub const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The first wait after a failure, in seconds. Let's Encrypt allows five failures an hour (letsencrypt.org/docs/rate-limits).
const FIRST: i64 = 60;
/// The longest, in seconds.
const LONGEST: i64 = 12 * 3600;
/// Each wait is as many times the one before it.
const FACTOR: i64 = 5;

/// A wish that cannot be met.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WishError {
    /// The terms.
    #[error("an authority gives no certificate to who does not agree to its terms of service")]
    Terms,
    /// The directory.
    #[error("the directory's address begins with https:// and has at most 512 letters")]
    Directory,
    /// The address of a person.
    #[error("{0:?} is no address of e-mail")]
    Email(String),
    /// The authority's certificate.
    #[error(
        "the certificate by which the authority's server is believed is none: give PEM of at most 16 KiB"
    )]
    Trust,
    /// The name server.
    #[error("{0:?} is no name server: write HOST or HOST:PORT")]
    Server(String),
    /// The zone.
    #[error("{name} is not in the zone {zone}")]
    Zone {
        /// The domain.
        name: DomainName,
        /// The zone.
        zone: DomainName,
    },
    /// The key's name.
    #[error("{0:?} is no name of a key: write it as the name server's configuration has it")]
    Key(String),
    /// The key.
    #[error("the key is not base64 of 16 to 128 bytes")]
    Secret,
    /// The wait.
    #[error("the wait for the name servers is at most 3600 seconds")]
    Wait,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the owner wishes, with the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<DomainWish>,
    /// A certificate was given since it was wished so: until then one is asked for, whatever is held.
    #[serde(default)]
    pub met: bool,
    /// The account at an authority, as the library that made it keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The tries since the last success.
    #[serde(default)]
    pub tries: Tries,
}

/// An account at an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The authority's directory.
    pub directory: String,
    /// The account's address and key.
    pub credentials: serde_json::Value,
}

/// Failures in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many.
    pub failed: u32,
    /// When the last one was.
    pub last: i64,
    /// Why it failed.
    pub problem: Option<String>,
}

impl Record {
    /// Takes a checked wish.
    pub fn wish(&mut self, wish: DomainWish) {
        let directory = directory(&wish).to_owned();
        self.account.take_if(|account| account.directory != directory);
        self.wish = Some(wish);
        self.met = false;
        self.tries = Tries::default();
    }

    /// The wish was met.
    pub fn met(&mut self, account: Account) {
        self.met = true;
        self.account = Some(account);
        self.tries = Tries::default();
    }

    /// No domain any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A try failed.
    pub fn failed(&mut self, why: String, now: i64) {
        self.tries = Tries { failed: self.tries.failed.saturating_add(1), last: now, problem: Some(why) };
    }
}

/// The directory of a wish.
#[must_use]
pub fn directory(wish: &DomainWish) -> &str {
    wish.directory.as_deref().unwrap_or(DIRECTORY)
}

/// A wish as it is told: without its key.
#[must_use]
pub fn shown(wish: &DomainWish) -> DomainWish {
    let mut shown = wish.clone();
    if let Proof::Dns(server) = &mut shown.proof {
        server.secret = None;
    }
    shown
}

/// The wish, checked; a key that it leaves out is the one of `before`, if that has the same name.
///
/// # Errors
/// With what is not allowed.
pub fn check(mut wish: DomainWish, before: Option<&DomainWish>) -> Result<DomainWish, WishError> {
    if !wish.terms_agreed {
        return Err(WishError::Terms);
    }
    let directory = directory(&wish);
    let plain = |byte: u8| byte.is_ascii_graphic();
    if !directory.starts_with("https://") || directory.len() > 512 || !directory.bytes().all(plain) {
        return Err(WishError::Directory);
    }
    let is_email = |text: &&String| {
        let sides = text.split_once('@');
        text.len() <= 254
            && text.bytes().all(plain)
            && sides.is_some_and(|(person, host)| !person.is_empty() && host.contains('.'))
    };
    if let Some(email) = wish.email.as_ref().filter(|text| !is_email(text)) {
        return Err(WishError::Email(email.clone()));
    }
    if wish.trust.as_ref().is_some_and(|pem| pem.len() > 16 << 10) {
        return Err(WishError::Trust);
    }
    if let Proof::Dns(server) = &mut wish.proof {
        check_server(&wish.name, server, before)?;
    }
    Ok(wish)
}

fn check_server(
    name: &DomainName,
    server: &mut DnsServer,
    before: Option<&DomainWish>,
) -> Result<(), WishError> {
    let (host, port) = host_and_port(&server.server);
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-:".contains(letter);
    if host.is_empty() || host.len() > 253 || !host.chars().all(allowed) || port.is_none() {
        return Err(WishError::Server(server.server.clone()));
    }
    if !name.is_in(&server.zone) {
        return Err(WishError::Zone { name: name.clone(), zone: server.zone.clone() });
    }
    let in_name = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    let is_label = |label: &str| (1..=63).contains(&label.len());
    let key = server.key.strip_suffix('.').unwrap_or(&server.key);
    if key.len() > 253 || !key.chars().all(in_name) || !key.split('.').all(is_label) {
        return Err(WishError::Key(server.key.clone()));
    }
    if server.wait_s > 3600 {
        return Err(WishError::Wait);
    }
    if let (None, Some(Proof::Dns(held))) = (&server.secret, before.map(|wish| &wish.proof))
        && held.key == server.key
    {
        server.secret.clone_from(&held.secret);
    }
    let length = server.secret.as_ref().and_then(|text| STANDARD.decode(text).ok()).map(|key| key.len());
    if length.is_some_and(|length| (16..=128).contains(&length)) { Ok(()) } else { Err(WishError::Secret) }
}

/// The two parts of `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`; no port if it is none.
#[must_use]
pub fn host_and_port(server: &str) -> (&str, Option<u16>) {
    const DNS: u16 = 53;
    if let Some((address, rest)) = server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = if rest.is_empty() {
            Some(DNS)
        } else {
            rest.strip_prefix(':').and_then(|port| port.parse().ok())
        };
        return (address, port);
    }
    match server.split_once(':') {
        // An address of IP version 6 alone.
        Some((_, rest)) if rest.contains(':') => (server, Some(DNS)),
        Some((host, port)) => (host, port.parse().ok()),
        None => (server, Some(DNS)),
    }
}

/// When a certificate is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Never: no domain is wished.
    Never,
    /// Once the time is known: certificates of others would be judged by a wrong clock.
    OnceTimeIsKnown,
    /// Then.
    At(i64),
}

/// When the next certificate is asked for: once a third of the life of the one that is held is left, as its authority
/// advises (letsencrypt.org/docs/integration-guide), and later and later after failures.
#[must_use]
pub fn next(record: &Record, held: Option<&DomainCertificate>, time_known: bool) -> Next {
    let Some(wish) = &record.wish else { return Next::Never };
    if !time_known {
        return Next::OnceTimeIsKnown;
    }
    let held = held.filter(|held| record.met && held.name == wish.name);
    let due = held.map_or(0, |held| held.not_after - (held.not_after - held.not_before) / 3);
    let tries = &record.tries;
    let waits = (1..tries.failed).fold(FIRST, |wait, _| (wait * FACTOR).min(LONGEST));
    let after_failure = if tries.failed == 0 { 0 } else { tries.last + waits };
    Next::At(due.max(after_failure))
}

#[cfg(test)]
mod tests;
