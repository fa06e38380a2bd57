//! The parts of the state that have to do with the owner: who it is, what signs in, what scripts may do. Secrets are
//! here as hashes only.

use serde::{Deserialize, Serialize};

use crate::preseed::NotAllowed;

/// Language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// Where updates come from: `stable`, `beta`, or one of the publisher's own. 1 to 32 letters a to z, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9-]{1,32}$"))]
#[serde(try_from = "String", into = "String")]
pub struct Channel(String);

impl Default for Channel {
    /// `stable`: for everybody.
    fn default() -> Self {
        Self("stable".to_owned())
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

impl TryFrom<String> for Language {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match text.as_str() {
            "en" => Ok(Self::En),
            "de" => Ok(Self::De),
            _ => Err(NotAllowed("a language is en or de")),
        }
    }
}

impl TryFrom<String> for Channel {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(NotAllowed(
                "a channel has 1 to 32 letters a to z, digits and hyphens, such as stable or beta",
            ))
        }
    }
}

/// The owner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Name to sign in with.
    pub name: String,
    /// Hash of the password, as a PHC string (argon2id).
    pub password: String,
    /// SHA-256 of the recovery codes that were not used yet, hexadecimal. 80 random bits each: a slow hash would add little.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<String>,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({})", self.name)
    }
}

/// How a device updates itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// Address of another repository than the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 512, pattern = "^https?://"))]
    pub repository: Option<Repository>,
    /// Whether it fetches, installs and restarts by itself, within the window.
    #[serde(default)]
    pub automatic: bool,
    /// When it may restart.
    #[serde(default)]
    pub window: Window,
}

/// Hours of a day in the device's time zone, over midnight if they end before they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first hour, 0 to 23.
    #[cfg_attr(feature = "openapi", schema(maximum = 23))]
    #[serde(deserialize_with = "hour")]
    pub from: u8,
    /// The hour that ends it, 0 to 23; the whole day if it is the first one.
    #[cfg_attr(feature = "openapi", schema(maximum = 23))]
    #[serde(deserialize_with = "hour")]
    pub to: u8,
}

/// Hours of a day.
const HOURS: u8 = 24;

fn hour<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let hour = u8::deserialize(deserializer)?;
    if hour < HOURS { Ok(hour) } else { Err(serde::de::Error::custom("an hour is 0 to 23")) }
}

impl Default for Window {
    fn default() -> Self {
        Self { from: 3, to: 5 }
    }
}

impl std::str::FromStr for Window {
    type Err = NotAllowed;

    /// Reads two hours with a hyphen between them.
    fn from_str(text: &str) -> Result<Self, NotAllowed> {
        let refuse = NotAllowed("a window is two hours of 0 to 23 with a hyphen between them, such as 3-5");
        let hour = |text: &str| text.parse().ok().filter(|hour| *hour < HOURS);
        let window =
            text.split_once('-').and_then(|(from, to)| Some(Self { from: hour(from)?, to: hour(to)? }));
        window.ok_or(refuse)
    }
}

impl Window {
    /// Whether `hour` lies within.
    #[must_use]
    pub const fn contains(self, hour: u8) -> bool {
        if self.from < self.to {
            self.from <= hour && hour < self.to
        } else {
            self.from <= hour || hour < self.to
        }
    }
}

/// Address of a repository: `http://` or `https://`, up to 512 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository(String);

impl AsRef<str> for Repository {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.0
    }
}

impl TryFrom<String> for Repository {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let good = |rest: &str| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '@']);
        if text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic()) && rest.is_some_and(good) {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(NotAllowed(
                "a repository is an address that begins with https:// or http://, without ?, # and @, such as https://updates.example.org/attic",
            ))
        }
    }
}

/// A right of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// See the status.
    Status,
    /// See and change settings.
    Settings,
    /// See and change networks.
    Network,
    /// See, start and cancel updates.
    Updates,
    /// See and change the stack.
    Stack,
}

/// A personal access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Names it.
    pub id: String,
    /// What the owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of its secret, hexadecimal. The secret is 32 random bytes: a slow hash would add nothing.
    pub hash: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it ends, in seconds since 1970; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_repositories_have_one_spelling() {
        let channel = |text: &str| Channel::try_from(text.to_owned()).is_ok();
        assert!(channel("stable") && channel("site-7"));
        assert!(!channel("") && !channel("Beta") && !channel("a/b") && !channel(&"x".repeat(33)));
        let repository = |text: &str| Repository::try_from(text.to_owned()).ok().map(String::from);
        assert_eq!(repository("https://a.example/b/"), Some("https://a.example/b".into()));
        for bad in [
            "",
            "ftp://a",
            "https://",
            "http:///b",
            "https://a b",
            "https://a?x",
            "https://u:p@a",
            "https://ä",
        ] {
            assert_eq!(repository(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let hours = |from, to| (0..24).filter(|hour| Window { from, to }.contains(*hour)).collect::<Vec<_>>();
        assert_eq!(hours(3, 5), [3, 4]);
        assert_eq!(hours(22, 1), [0, 22, 23]);
        assert_eq!(hours(4, 4).len(), 24);
        assert_eq!("22-1".parse(), Ok(Window { from: 22, to: 1 }));
        for bad in ["", "3", "3-24", "-1-5", "a-b", "3-5-7"] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
    }
}
