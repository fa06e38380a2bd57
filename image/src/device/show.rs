//! Status and settings of a device: asked, changed, put into lines.

use serde_json::{Map, Value};
use tayberry_format::owner::{Channel, Language};
use tayberry_format::preseed::{Hostname, TimeZone};

use crate::device::{Device, DeviceError};
use crate::flash::settings::{SettingsError, checked};

/// Settings to change; the others stay.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Change {
    /// What to call the device: it is NAME.local afterwards
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The owner's time zone
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The language of the device's pages: en or de
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Where the device takes updates from: stable or beta
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
}

impl Change {
    /// The body of the request; empty when nothing is to be changed.
    fn body(&self) -> Result<Map<String, Value>, SettingsError> {
        let name: Option<Hostname> = checked("--name", self.name.clone())?;
        let zone: Option<TimeZone> = checked("--timezone", self.timezone.clone())?;
        checked::<Language>("--language", self.language.clone())?;
        checked::<Channel>("--channel", self.channel.clone())?;
        let fields = [
            ("name", name.map(|name| name.as_ref().to_owned())),
            ("timezone", zone.map(|zone| zone.as_ref().to_owned())),
            ("language", self.language.clone()),
            ("channel", self.channel.clone()),
        ];
        let given = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
        Ok(given.collect())
    }
}

/// What the device says of itself.
///
/// # Errors
/// When it cannot be asked.
pub fn status(device: &Device) -> Result<Value, DeviceError> {
    device.signed_in()?.ask("GET", "/status", None)
}

/// The settings, after a change if one is given. A device that is renamed stays known here under its new name.
///
/// # Errors
/// When a value is not allowed, or the device cannot be asked.
pub fn settings(device: &Device, change: &Change) -> Result<Value, DeviceError> {
    let body = change.body()?;
    let mut client = device.signed_in()?;
    if body.is_empty() {
        return client.ask("GET", "/settings", None);
    }
    let answer = client.ask("PATCH", "/settings", Some(&Value::Object(body)))?;
    if let Some(name) = &change.name {
        let host = device.host.renamed(name);
        let (pem, token) = (device.store.authority(&device.host)?, device.store.token(&device.host)?);
        if let (Some(pem), Some(token)) = (pem, token) {
            device.store.pin(&host, &pem)?;
            device.store.keep(&host, &token)?;
            if host != device.host {
                device.store.forget(&device.host)?;
            }
        }
        device.ui.say(format!("The device is {host} from now on."));
    }
    Ok(answer)
}

/// An answer in lines: a name and a value each; lists and objects below their name.
#[must_use]
pub fn lines(answer: &Value) -> String {
    let mut text = String::new();
    for (key, value) in answer.as_object().into_iter().flatten() {
        let name = key.replace('_', " ");
        match value {
            Value::Array(items) if items.iter().all(Value::is_string) => {
                for (index, item) in items.iter().enumerate() {
                    text += &line(if index == 0 { &name } else { "" }, &plain(item));
                }
            }
            Value::Object(fields) => {
                let parts =
                    fields.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), plain(value)));
                text += &line(&name, &parts.collect::<Vec<_>>().join(", "));
            }
            other => text += &line(&name, &plain(other)),
        }
    }
    text.trim_end().to_owned()
}

fn line(name: &str, value: &str) -> String {
    format!("{name:14} {value}\n")
}

/// A device's words on the terminal: without what would steer it.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_in_lines() {
        let answer = json!({
            "name": "kitchen", "temperature_c": 51.5, "notices": ["One.", "Two.\u{1b}[2J"],
            "data": { "total": 10, "free": 5 }, "addresses": [],
        });
        let shown = lines(&answer);
        for part in
            ["name           kitchen\n", "temperature c  51.5", "notices        One.\n", "free 5", "total 10"]
        {
            assert!(shown.contains(part), "{shown}");
        }
        assert!(!shown.contains('\u{1b}'));
        assert_eq!(lines(&Value::Null), "");
    }

    #[test]
    fn only_what_is_given_is_changed() {
        assert!(Change::default().body().unwrap().is_empty());
        let change = Change { name: Some("attic".into()), channel: Some("beta".into()), ..Change::default() };
        assert_eq!(Value::Object(change.body().unwrap()), json!({ "name": "attic", "channel": "beta" }));
        for wrong in [
            Change { name: Some("My Pi".into()), ..Change::default() },
            Change { language: Some("fr".into()), ..Change::default() },
        ] {
            assert!(wrong.body().is_err(), "{wrong:?}");
        }
    }
}
