//! The owner's settings.

use serde::{Deserialize, Deserializer, Serialize};
use tayberry_format::preseed::{Hostname, TimeZone};
use tayberry_format::state::{Channel, Language, Repository, Window};
use utoipa::ToSchema;

use crate::thermal::{FanLine, Policy};

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Language of the pages.
    pub language: Language,
    /// Host name.
    pub name: String,
    /// Time zone.
    pub timezone: String,
    /// Where updates come from.
    pub channel: Channel,
    /// Address of the repository of updates; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// Whether the device updates itself.
    pub automatic_updates: bool,
    /// When it may restart for that.
    pub update_window: Window,
    /// How the fan follows the temperature.
    pub fan: Policy,
    /// The header's line with a HAT's fan, by its BCM number; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fan_line: Option<FanLine>,
}

/// Some of them; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// Language of the pages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<Language>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub name: Option<Hostname>,
    /// Time zone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub timezone: Option<TimeZone>,
    /// Where updates come from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<Channel>,
    /// Address of a repository of updates; null for the image's again.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 512, pattern = "^https?://")]
    pub repository: Option<Option<Repository>>,
    /// Whether the device updates itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub automatic_updates: Option<bool>,
    /// When it may restart for that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub update_window: Option<Window>,
    /// How the fan follows the temperature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fan: Option<Policy>,
    /// The header's line with a HAT's fan; null for none.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "given")]
    #[schema(value_type = Option<u8>, minimum = 2, maximum = 27)]
    pub fan_line: Option<Option<FanLine>>,
}

/// What is there was given, null included; what is absent was not.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_the_same_as_nothing() {
        let read = |text: &str| serde_json::from_str::<SettingsChange>(text).map(|change| change.repository);
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read(r#"{"repository":null}"#).unwrap(), Some(None));
        assert_eq!(
            read(r#"{"repository":"https://a.example/"}"#).unwrap().flatten().map(String::from),
            Some("https://a.example".to_owned())
        );
        assert!(read(r#"{"repository":"ftp://a"}"#).is_err());
    }
}
