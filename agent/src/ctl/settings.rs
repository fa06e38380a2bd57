//! `tayberryctl settings`: shows the owner's settings, and changes what is given.

use clap::Args;
use serde_json::json;
use tayberry_core::request::Request;
use tayberry_core::request::settings::{Settings, SettingsChange};

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
    /// Where updates come from: stable or beta
    #[arg(long)]
    channel: Option<String>,
}

/// Asks.
///
/// # Errors
/// When a value is not allowed, or the agent does not answer.
pub async fn run(agent: &AgentProxy<'_>, arguments: &Arguments) -> Result<Settings, CtlError> {
    let Arguments { name, timezone, language, channel } = arguments;
    if [name, timezone, language, channel].iter().all(|value| value.is_none()) {
        return ask(agent, &Request::Settings).await;
    }
    let change = json!({ "name": name, "timezone": timezone, "language": language, "channel": channel });
    let change: SettingsChange =
        serde_json::from_value(change).map_err(|error| CtlError::Refused(error.to_string()))?;
    ask(agent, &Request::ChangeSettings(change)).await
}

/// For people.
#[must_use]
pub fn words(settings: &Settings) -> String {
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    format!(
        "name          {}\ntimezone      {}\nlanguage      {}\nchannel       {}\n",
        settings.name,
        settings.timezone,
        word(serde_json::to_value(settings.language)),
        word(serde_json::to_value(settings.channel)),
    )
}
