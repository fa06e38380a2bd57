//! What the workstation keeps of devices, in the user's configuration folder: authorities, and access tokens that nobody
//! else may read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::device::DeviceError;
use crate::device::host::Host;
use crate::files::write_private;

/// The folder.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// An access token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it on the device.
    pub id: String,
    /// Signs in.
    pub secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

impl Store {
    /// `tayberry/devices` in the user's configuration folder (XDG Base Directory Specification).
    ///
    /// # Errors
    /// When no variable names one.
    pub fn find() -> Result<Self, DeviceError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        Ok(Self::at(&folder.ok_or(DeviceError::NoFolder)?.join("tayberry/devices")))
    }

    /// This folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self, host: &Host, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}.{suffix}", host.stem()))
    }

    /// The authority that was pinned, as PEM.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn authority(&self, host: &Host) -> Result<Option<String>, DeviceError> {
        read(&self.path(host, "pem"))
    }

    /// Pins.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pin(&self, host: &Host, pem: &str) -> Result<PathBuf, DeviceError> {
        self.write(self.path(host, "pem"), pem)
    }

    /// The access token.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn token(&self, host: &Host) -> Result<Option<Token>, DeviceError> {
        let path = self.path(host, "token");
        let Some(text) = read(&path)? else { return Ok(None) };
        let token = serde_json::from_str(&text);
        token.map(Some).map_err(|_| DeviceError::BadToken(path))
    }

    /// Keeps a token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, host: &Host, token: &Token) -> Result<PathBuf, DeviceError> {
        let text = serde_json::to_string(token).map_err(io::Error::other);
        let path = self.path(host, "token");
        let text = text.map_err(|error| DeviceError::Io { path: path.clone(), error })?;
        self.write(path, &text)
    }

    /// Forgets the token; none is no error.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(&self, host: &Host) -> Result<(), DeviceError> {
        let path = self.path(host, "token");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DeviceError::Io { path, error }),
            _ => Ok(()),
        }
    }

    fn write(&self, path: PathBuf, text: &str) -> Result<PathBuf, DeviceError> {
        let io = |error| DeviceError::Io { path: path.clone(), error };
        fs::create_dir_all(&self.folder).map_err(io)?;
        let new = path.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => write_private(&new, text).map_err(io)?,
        }
        fs::rename(&new, &path).map_err(io)?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<Option<String>, DeviceError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DeviceError::Io { path: path.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn tokens_are_private_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(&folder.path().join("devices"));
        let host: Host = "kitchen.local:443".parse().unwrap();
        assert_eq!((store.authority(&host).unwrap(), store.token(&host).unwrap()), (None, None));
        store.pin(&host, "pem").unwrap();
        assert_eq!(store.authority(&host).unwrap().as_deref(), Some("pem"));
        let token = Token { id: "1".into(), secret: "tayberry_1".into() };
        store.keep(&host, &token).unwrap();
        let path = store.keep(&host, &token).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(store.token(&host).unwrap(), Some(token));
        // Another port is another device.
        assert_eq!(store.token(&"kitchen.local".parse().unwrap()).unwrap(), None);
        store.forget(&host).unwrap();
        store.forget(&host).unwrap();
        fs::write(&path, "{").unwrap();
        assert!(matches!(store.token(&host), Err(DeviceError::BadToken(_))));
    }
}
