//! Requests over the system bus: who sent them, in which form they came, and the form of the answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::{MAX_BYTES, Outcome};
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;

use crate::desk::{Answers, Credential, Sender};

/// Senders whose user is remembered; a bus name is never given to another program.
const REMEMBERED: usize = 64;

/// Users behind bus names.
#[derive(Default)]
pub(super) struct Users(Mutex<BTreeMap<String, u32>>);

impl Users {
    /// The user who sent a message.
    ///
    /// # Errors
    /// When the sender is gone.
    pub(super) async fn of(&self, bus: &zbus::Connection, header: &Header<'_>) -> zbus::fdo::Result<u32> {
        let sender = header.sender().ok_or_else(|| super::failed("the message has no sender"))?;
        if let Some(user) = self.lock().get(sender.as_str()) {
            return Ok(*user);
        }
        let name = BusName::from(sender.to_owned());
        let user = DBusProxy::new(bus).await?.get_connection_unix_user(name).await?;
        let mut users = self.lock();
        if users.len() >= REMEMBERED {
            users.clear();
        }
        users.insert(sender.to_string(), user);
        Ok(user)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request as text with an answer as text. Root speaks for the device itself; the front says for whom it speaks.
pub(crate) async fn ask(
    desk: &impl Answers,
    user: u32,
    from: (&str, &str),
    credential: &str,
    request: &str,
) -> zbus::fdo::Result<String> {
    let outcome = match read(user, from, credential, request) {
        Ok((sender, request)) => desk.answer(&sender, request).await,
        Err(problem) => Err(problem),
    };
    text(outcome)
}

/// Takes what comes through a file descriptor.
pub(crate) async fn receive(
    desk: &impl Answers,
    user: u32,
    from: (&str, &str),
    credential: &str,
    delivery: &str,
    file: File,
) -> zbus::fdo::Result<String> {
    let outcome = match read(user, from, credential, delivery) {
        Ok((sender, delivery)) => desk.receive(&sender, delivery, file).await,
        Err(problem) => Err(problem),
    };
    text(outcome)
}

pub(crate) fn text(outcome: Result<Value, Problem>) -> zbus::fdo::Result<String> {
    let outcome = match outcome {
        Ok(answer) => Outcome::Answer(answer),
        Err(problem) => Outcome::<Value>::Problem(problem),
    };
    serde_json::to_string(&outcome).map_err(super::failed)
}

pub(crate) fn read<T: DeserializeOwned>(
    user: u32,
    from: (&str, &str),
    credential: &str,
    request: &str,
) -> Result<(Sender, T), Problem> {
    if request.len() > MAX_BYTES {
        return Err(Problem::new(Kind::BadRequest, format!("A request has at most {MAX_BYTES} bytes.")));
    }
    let request = serde_json::from_str(request)
        .map_err(|error| Problem::new(Kind::BadRequest, format!("This is no request: {error}.")))?;
    let [peer, local] = [from.0, from.1].map(|address| address.parse::<IpAddr>().ok());
    let credential = match credential.split_once(' ') {
        Some(("session", secret)) => Credential::Session(secret.to_owned()),
        Some(("token", secret)) => Credential::Token(secret.to_owned()),
        _ if user == 0 && peer.is_none() => Credential::Root,
        _ => Credential::Nothing,
    };
    Ok((Sender { peer, local, credential }, request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tayberry_core::request::Request;

    #[test]
    fn only_root_itself_is_root() {
        let asked = r#"{"ask":"status"}"#;
        let credential = |user, peer, credential| {
            read::<Request>(user, (peer, ""), credential, asked).map(|(sender, _)| sender.credential)
        };
        assert!(credential(0, "", "") == Ok(Credential::Root));
        assert!(credential(0, "192.168.1.2", "") == Ok(Credential::Nothing), "asked for somebody");
        assert!(credential(990, "", "") == Ok(Credential::Nothing));
        assert!(credential(990, "::1", "session ab") == Ok(Credential::Session("ab".into())));
        assert!(credential(990, "::1", "token ab") == Ok(Credential::Token("ab".into())));
    }

    #[test]
    fn what_is_no_request_is_said() {
        for text in ["", "{", r#"{"ask":"everything"}"#, r#"{"ask":"claim","with":{"code":"1","x":2}}"#] {
            assert_eq!(
                read::<Request>(0, ("", ""), "", text).err().map(|problem| problem.kind),
                Some(Kind::BadRequest),
                "{text}"
            );
        }
        let long = " ".repeat(MAX_BYTES + 1);
        assert_eq!(
            read::<Request>(0, ("", ""), "", &long).err().map(|problem| problem.kind),
            Some(Kind::BadRequest)
        );
    }
}
