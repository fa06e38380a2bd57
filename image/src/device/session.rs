//! Signing in and out: the owner's name and password become an access token that is kept here.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::device::api::NewToken;
use crate::device::client::Client;
use crate::device::store::Token;
use crate::device::{Device, DeviceError};
use crate::flash::settings::first_line;
use crate::ui::Ui;

/// What the owner signs in with.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Credentials {
    /// The owner's name; asked for if absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A file whose first line is the password; asked for if absent
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// The password of a file, or one that is typed unseen.
///
/// # Errors
/// When the file cannot be read, or there is nobody to ask.
pub(crate) fn password(ui: Ui, file: Option<&PathBuf>, question: &str) -> Result<String, DeviceError> {
    match file {
        Some(path) => Ok(first_line("--password-file", path)?),
        None => ui
            .ask_secret(question)
            .ok_or(DeviceError::NobodyToAsk { what: "the password", option: "--password-file" }),
    }
}

/// Begins a session of the owner's.
fn begin(device: &Device, credentials: &Credentials) -> Result<Client, DeviceError> {
    let mut client = device.client()?;
    let name = credentials.name.clone().or_else(|| device.ui.ask("The owner's name:"));
    let name = name.ok_or(DeviceError::NobodyToAsk { what: "the owner's name", option: "--name" })?;
    let password = password(device.ui, credentials.password_file.as_ref(), "Password:")?;
    let body = json!({ "name": name, "password": password });
    client.ask::<Value>("POST", "/session", Some(&body))?;
    Ok(client)
}

/// Signs in, and keeps a token that may do everything that a token may. A token that was kept before is revoked.
///
/// # Errors
/// When name or password is wrong, or nobody can be asked for them.
pub fn sign_in(device: &Device, credentials: &Credentials) -> Result<PathBuf, DeviceError> {
    // A damaged file stands for no token: it is about to be replaced.
    let before = device.store.token(&device.host).ok().flatten();
    let mut client = begin(device, credentials)?;
    let wish = json!({ "name": "tayberry device", "scopes": ["status", "settings", "network"] });
    let made: NewToken = client.ask("POST", "/tokens", Some(&wish))?;
    let path = device.store.keep(&device.host, &Token { id: made.token.id, secret: made.secret })?;
    if let Some(before) = before {
        revoke(&mut client, &before)?;
    }
    client.ask::<Value>("DELETE", "/session", None)?;
    Ok(path)
}

/// Revokes the token that is kept here, and forgets it. A token cannot revoke itself, so the password is asked for again.
///
/// # Errors
/// When there is none, or name or password is wrong.
pub fn sign_out(device: &Device, credentials: &Credentials) -> Result<(), DeviceError> {
    let token = device.store.token(&device.host)?;
    let token = token.ok_or_else(|| DeviceError::NotSignedIn(device.host.to_string()))?;
    let mut client = begin(device, credentials)?;
    revoke(&mut client, &token)?;
    client.ask::<Value>("DELETE", "/session", None)?;
    device.store.forget(&device.host)
}

fn revoke(client: &mut Client, token: &Token) -> Result<(), DeviceError> {
    match client.ask::<Value>("DELETE", &format!("/tokens/{}", token.id), None) {
        // Somebody revoked it before.
        Err(DeviceError::Refused { kind, .. }) if kind == "not-found" => Ok(()),
        other => other.map(|_| ()),
    }
}
