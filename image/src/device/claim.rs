//! `claim`: the whole setup of a new device without a browser.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};
use tayberry_format::owner::{Channel, Language};
use tayberry_format::preseed::{Hostname, NotAllowed, OwnerPassword, TimeZone};

use crate::device::api::{Finished, RecoveryCodes};
use crate::device::client::Client;
use crate::device::fingerprint::Fingerprint;
use crate::device::host::Host;
use crate::device::pin::pin;
use crate::device::session::password;
use crate::device::{Device, DeviceError};
use crate::files::write_private;
use crate::flash::settings::{SettingsError, checked};

/// Times that a person may mistype the recovery code.
const TRIES: usize = 3;

/// What the setup asks for.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Arguments {
    /// The claim code on the device's screen, serial console or card: 8 digits
    #[arg(long, value_name = "CODE")]
    pub code: String,
    /// The owner's name
    #[arg(long, value_name = "NAME")]
    pub owner: String,
    /// What to call the device: it is NAME.local afterwards
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// The owner's time zone (default: that of this computer)
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The language of the device's pages: en or de (default: en)
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Where the device takes updates from: stable or beta (default: stable)
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// A file whose first line is the owner's password; asked for if absent
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// A new file for the recovery codes; without it they are shown and asked back
    #[arg(long, value_name = "FILE")]
    pub recovery_file: Option<PathBuf>,
    /// The fingerprint of the device's authority; without it you compare it with the device's screen
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
}

/// A device that has an owner now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// The address to keep.
    pub address: String,
    /// How the command line calls the device from now on.
    pub host: String,
    /// SHA-256 of its authority.
    pub fingerprint: String,
}

/// Answers that were checked as far as that can be done here.
struct Answers {
    name: Hostname,
    timezone: TimeZone,
    language: Language,
    channel: Channel,
}

fn answers(arguments: &Arguments) -> Result<Answers, SettingsError> {
    let one = |option, error: NotAllowed| SettingsError::Value { option, error };
    let zone = arguments
        .timezone
        .clone()
        .unwrap_or_else(|| jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned());
    Ok(Answers {
        name: Hostname::try_from(arguments.name.clone()).map_err(|error| one("--name", error))?,
        timezone: TimeZone::try_from(zone).map_err(|error| one("--timezone", error))?,
        language: checked("--language", arguments.language.clone())?.unwrap_or_default(),
        channel: checked("--channel", arguments.channel.clone())?.unwrap_or_default(),
    })
}

/// Pins the device, claims it and finishes its setup.
///
/// # Errors
/// When an answer is refused; the device has no owner then.
pub fn claim(device: &Device, arguments: &Arguments) -> Result<Claimed, DeviceError> {
    // Whatever can be refused here is refused before the code is used up.
    let answers = answers(arguments)?;
    let password = new_password(device, arguments)?;
    if arguments.recovery_file.is_none() && !device.ui.can_ask() {
        return Err(DeviceError::NobodyToAsk { what: "the recovery code", option: "--recovery-file" });
    }
    let pinned = pin(device, arguments.fingerprint)?;
    let mut client = device.client()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    client.ask::<Value>("POST", "/claim", Some(&json!({ "code": arguments.code, "now": now })))?;
    let codes: RecoveryCodes = client.ask("POST", "/setup/recovery-codes", None)?;
    let characters = keep(device, &codes, arguments.recovery_file.as_deref())?;
    let body = json!({
        "language": answers.language, "owner": arguments.owner, "password": password,
        "recovery_characters": characters, "name": answers.name.as_ref(),
        "timezone": answers.timezone.as_ref(), "channel": answers.channel,
    });
    let finished: Finished = client.ask("POST", "/setup/finish", Some(&body)).inspect_err(|_| {
        // The codes of a setup that was refused open nothing.
        if let Some(Err(error)) = arguments.recovery_file.as_deref().map(std::fs::remove_file) {
            device.ui.say(format!("The recovery codes are worthless and could not be removed: {error}."));
        }
    })?;
    let host = device.host.renamed(answers.name.as_ref());
    rename(device, &host)?;
    end(device, client);
    Ok(Claimed { address: finished.address, host: host.to_string(), fingerprint: pinned.fingerprint })
}

/// The device is called otherwise now; its authority is the same.
fn rename(device: &Device, host: &Host) -> Result<(), DeviceError> {
    let pem = device.store.authority(&device.host)?;
    let pem = pem.ok_or_else(|| DeviceError::NotPinned(device.host.to_string()))?;
    device.store.pin(host, &pem).map(|_| ())
}

/// Ends the owner's session, whose cookie came with the last answer. The device may already answer under its new name
/// only; the session then ends by itself.
fn end(device: &Device, mut client: Client) {
    let ended = client
        .ask::<Value>("GET", "/session", None)
        .and_then(|_| client.ask::<Value>("DELETE", "/session", None));
    if ended.is_err() {
        device.ui.say("The setup's session ends by itself in a few hours.");
    }
}

fn new_password(device: &Device, arguments: &Arguments) -> Result<String, DeviceError> {
    let file = arguments.password_file.as_ref();
    let first = password(device.ui, file, "A password for the owner:")?;
    if file.is_none() && password(device.ui, None, "The same once more:")? != first {
        return Err(DeviceError::PasswordsDiffer);
    }
    // Its length; how easy it is to guess, the device judges.
    let refuse = |error| SettingsError::Value { option: "--password-file", error };
    OwnerPassword::try_from(first.clone()).map_err(refuse)?;
    Ok(first)
}

/// Has the recovery codes kept; returns the characters that the device asks back.
fn keep(device: &Device, codes: &RecoveryCodes, file: Option<&Path>) -> Result<String, DeviceError> {
    let wanted = characters(codes).ok_or_else(|| DeviceError::NotADevice(device.host.to_string()))?;
    let list = codes.codes.iter().enumerate().map(|(index, code)| format!("{:2}  {code}\n", index + 1));
    let list: String = list.collect();
    if let Some(path) = file {
        let io = |error| DeviceError::Io { path: path.to_owned(), error };
        write_private(path, &list).map_err(io)?;
        return Ok(wanted);
    }
    device.ui.say(format!(
        "Recovery codes. Write them down: each signs you in once when the password is lost, and they are shown this once.\n\n{list}"
    ));
    for _ in 0..TRIES {
        let typed = device.ui.ask(question(codes));
        let typed =
            typed.ok_or(DeviceError::NobodyToAsk { what: "the recovery code", option: "--recovery-file" })?;
        if typed.replace([' ', ',', '-'], "").eq_ignore_ascii_case(&wanted) {
            return Ok(wanted);
        }
    }
    Err(DeviceError::RecoveryNotKept)
}

/// The characters that are asked back; none when the device's answer makes no sense.
fn characters(codes: &RecoveryCodes) -> Option<String> {
    let code: Vec<char> = codes.codes.get(codes.ask_code)?.chars().filter(|c| *c != '-').collect();
    codes.ask_characters.iter().map(|index| code.get(*index)).collect()
}

fn question(codes: &RecoveryCodes) -> String {
    let [first, second, third] = codes.ask_characters.map(|index| index.saturating_add(1));
    format!(
        "Characters {first}, {second} and {third} of code {} (hyphens do not count):",
        codes.ask_code.saturating_add(1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> RecoveryCodes {
        let codes = vec!["0000-0000-0000-0000".into(), "ABCD-EFGH-JKMN-PQRS".into()];
        RecoveryCodes { codes, ask_code: 1, ask_characters: [0, 5, 15] }
    }

    #[test]
    fn what_is_asked_back_follows_from_the_codes() {
        assert_eq!(characters(&codes()).as_deref(), Some("AFS"));
        assert_eq!(question(&codes()), "Characters 1, 6 and 16 of code 2 (hyphens do not count):");
        assert_eq!(characters(&RecoveryCodes { ask_code: 2, ..codes() }), None);
        let far = RecoveryCodes { ask_characters: [0, 5, usize::MAX], ..codes() };
        assert_eq!(characters(&far), None);
        assert!(question(&far).contains("code 2"));
    }

    #[test]
    fn answers_are_checked_before_anything_is_asked_of_the_device() {
        let good = Arguments { name: "kitchen".into(), timezone: Some("UTC".into()), ..Arguments::default() };
        answers(&good).map(|_| ()).unwrap();
        let rows = [
            (Arguments { name: "My Pi".into(), ..good.clone() }, "--name: a hostname"),
            (Arguments { timezone: Some("../x".into()), ..good.clone() }, "--timezone: a timezone"),
            (Arguments { language: Some("fr".into()), ..good.clone() }, "--language: a language"),
            (Arguments { channel: Some("X".into()), ..good }, "--channel: a channel"),
        ];
        for (arguments, part) in rows {
            let text = answers(&arguments).err().unwrap().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
