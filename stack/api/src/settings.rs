//! Settings, from the environment.

use std::path::PathBuf;

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `PORT`: where requests come in.
    pub(crate) port: u16,
    /// `MONGO_URL`.
    pub(crate) mongo: String,
    /// `REDIS_URL`.
    pub(crate) redis: String,
    /// `DEVICE_KEYS`: the file with the keys that the device signs its owner's tokens with (RFC 7517).
    pub(crate) keys: PathBuf,
}

/// A setting that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Its value.
    #[error("PORT={0} is no port: give a number from 1 to 65535")]
    Port(String),
}

impl Settings {
    /// Reads them.
    pub(crate) fn from_environment() -> Result<Self, SettingsError> {
        let get = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let port = get("PORT", "8080");
        Ok(Self {
            port: port.parse().ok().filter(|port| *port > 0).ok_or(SettingsError::Port(port))?,
            mongo: get("MONGO_URL", "mongodb://mongo:27017/?directConnection=true"),
            redis: get("REDIS_URL", "redis://redis:6379/"),
            keys: get("DEVICE_KEYS", "/run/tayberry/keys.json").into(),
        })
    }
}
