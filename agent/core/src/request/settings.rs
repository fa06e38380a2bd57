//! The owner's settings.

use serde::{Deserialize, Serialize};
use tayberry_format::preseed::{Hostname, TimeZone};
use tayberry_format::state::{Channel, Language, Repository, Window};
use utoipa::ToSchema;

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
    /// Address of a repository of updates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, max_length = 512, pattern = "^https?://")]
    pub repository: Option<Repository>,
    /// Whether the device updates itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub automatic_updates: Option<bool>,
    /// When it may restart for that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub update_window: Option<Window>,
}
