//! `tayberryctl settings`: shows the owner's settings, and changes what is given.

use clap::Args;
use serde_json::json;
use tayberry_core::request::Request;
use tayberry_core::request::settings::{Settings, SettingsChange};
use tayberry_core::thermal::Policy;
use tayberry_format::owner::Window;

use super::{CtlError, ask};
use crate::service::client::AgentProxy;

/// What to change; nothing shows the settings alone.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Host name, without `.local`
    #[arg(long)]
    name: Option<String>,
    /// Time zone, such as Europe/Berlin
    #[arg(long)]
    timezone: Option<String>,
    /// Language of the pages: en or de
    #[arg(long)]
    language: Option<String>,
    /// Where updates come from: stable, beta, or one of the publisher's own
    #[arg(long)]
    channel: Option<String>,
    /// Address of a repository of updates; empty for the image's again
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// Whether the device updates itself: true or false
    #[arg(long, value_name = "BOOL")]
    automatic_updates: Option<bool>,
    /// When it may restart for that, such as 3-5
    #[arg(long, value_name = "FROM-TO")]
    update_window: Option<Window>,
    /// How the fan follows the temperature: quiet, balanced, cool, or points such as 40:0,60:50,75:100
    #[arg(long, value_name = "POLICY")]
    fan: Option<Policy>,
    /// The header's line with a HAT's fan, by its BCM number; 0 for none
    #[arg(long, value_name = "GPIO")]
    fan_line: Option<u8>,
}

/// Asks.
///
/// # Errors
/// When a value is not allowed, or the agent does not answer.
pub async fn run(agent: &AgentProxy<'_>, arguments: &Arguments) -> Result<Settings, CtlError> {
    let Arguments {
        name,
        timezone,
        language,
        channel,
        repository,
        automatic_updates,
        update_window,
        fan,
        fan_line,
    } = arguments;
    let mut change = json!({
        "name": name, "timezone": timezone, "language": language, "channel": channel, "repository": repository,
        "automatic_updates": automatic_updates, "update_window": update_window, "fan": fan,
        "fan_line": fan_line,
    });
    if let Some(given) = change.as_object_mut() {
        given.retain(|_, value| !value.is_null());
        if given.is_empty() {
            return ask(agent, &Request::Settings).await;
        }
        // Null is an answer of its own.
        if repository.as_deref() == Some("") {
            given.insert("repository".into(), serde_json::Value::Null);
        }
        if *fan_line == Some(0) {
            given.insert("fan_line".into(), serde_json::Value::Null);
        }
    }
    let change: SettingsChange =
        serde_json::from_value(change).map_err(|error| CtlError::Refused(error.to_string()))?;
    ask(agent, &Request::ChangeSettings(change)).await
}

/// For people.
#[must_use]
pub fn words(settings: &Settings) -> String {
    let language = serde_json::to_value(settings.language).ok();
    let language = language.as_ref().and_then(|value| value.as_str()).unwrap_or_default();
    let Window { from, to } = settings.update_window;
    let automatic = if settings.automatic_updates {
        format!("by itself, {from}:00 to {to}:00")
    } else {
        "by hand".into()
    };
    format!(
        "name          {}\ntimezone      {}\nlanguage      {language}\nchannel       {}\nrepository    {}\nupdates       {automatic}\nfan           {}{}\n",
        settings.name,
        settings.timezone,
        settings.channel,
        settings.repository.as_deref().unwrap_or("none"),
        settings.fan,
        settings.fan_line.map(|line| format!(", GPIO{}", u8::from(line))).unwrap_or_default(),
    )
}
