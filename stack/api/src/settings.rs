//! Settings, from the environment; passwords, from secrets.

use std::path::PathBuf;

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `PORT`: where requests come in.
    pub(crate) port: u16,
    /// `MONGO_URL`, and what it is asked with.
    pub(crate) mongo: Address,
    /// `REDIS_URL`, and what it is asked with.
    pub(crate) redis: Address,
    /// `DEVICE_KEYS`: the file with the keys that the device signs its owner's tokens with (RFC 7517).
    pub(crate) keys: PathBuf,
}

/// Where a database is, and the password with which [`USER`] asks it.
#[derive(Clone)]
pub(crate) struct Address {
    /// Its URL, without user and password.
    pub(crate) url: String,
    /// Password.
    pub(crate) password: String,
}

/// Never the password: settings may end up in a log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

/// Who this is to both databases.
pub(crate) const USER: &str = "api";

/// A setting that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Its value.
    #[error("PORT={0} is no port: give a number from 1 to 65535")]
    Port(String),
    /// A password that is not there.
    #[error("{path}: {error}; give the service this secret, or name another file in {variable}")]
    Password { variable: &'static str, path: PathBuf, error: std::io::Error },
}

impl Settings {
    /// Reads them.
    pub(crate) fn from_environment() -> Result<Self, SettingsError> {
        let get = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let password = |variable: &'static str, default: &str| {
            let path = PathBuf::from(get(variable, default));
            let read = std::fs::read_to_string(&path).map(|text| text.trim_end().to_owned());
            read.map_err(|error| SettingsError::Password { variable, path, error })
        };
        let port = get("PORT", "8080");
        Ok(Self {
            port: port.parse().ok().filter(|port| *port > 0).ok_or(SettingsError::Port(port))?,
            mongo: Address {
                url: get("MONGO_URL", "mongodb://mongo:27017/?directConnection=true"),
                password: password("MONGO_PASSWORD_FILE", "/run/secrets/mongo-api")?,
            },
            redis: Address {
                url: get("REDIS_URL", "redis://redis:6379/"),
                password: password("REDIS_PASSWORD_FILE", "/run/secrets/redis-api")?,
            },
            keys: get("DEVICE_KEYS", "/run/tayberry/keys.json").into(),
        })
    }
}
