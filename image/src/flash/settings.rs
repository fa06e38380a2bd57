//! What the owner gives along on the command line, as a preseed file.

use std::io::Read;
use std::path::{Path, PathBuf};

use tayberry_format::preseed::{NewOwner, NotAllowed, OwnerPassword, Preseed, PreseedError, SshKey, Wifi};

/// Largest key or password file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 10;

/// Settings for the first boot.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Settings for the first boot")]
pub struct Settings {
    /// The device's name in the network
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// A file with SSH public keys that may log in; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
    /// The wireless network to join
    #[arg(long, value_name = "NAME")]
    pub wifi_ssid: Option<String>,
    /// A file whose first line is the password of that network; without it the network is open
    #[arg(long, value_name = "FILE", requires = "wifi_ssid")]
    pub wifi_password_file: Option<PathBuf>,
    /// Where the device stands, such as DE: decides which Wi-Fi channels it may use
    #[arg(long, value_name = "CODE", requires = "wifi_ssid")]
    pub wifi_country: Option<String>,
    /// The owner's time zone, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The language of the device's pages: en or de
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Where the device takes updates from: stable or beta
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// The name of the device's owner: the device needs no setup in a browser then
    #[arg(long, value_name = "NAME", requires = "owner_password_file")]
    pub owner: Option<String>,
    /// A file whose first line is the owner's password; the device removes it from the card at its first boot
    #[arg(long, value_name = "FILE", requires = "owner")]
    pub owner_password_file: Option<PathBuf>,
}

/// Settings that cannot be given to the device.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value that is not allowed.
    #[error("{option}: {error}")]
    Value {
        /// The option.
        option: &'static str,
        /// What is allowed.
        error: NotAllowed,
    },
    /// A file that cannot be used.
    #[error("{option} {path}: {reason}")]
    File {
        /// The option.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// All of them together are too long.
    #[error(transparent)]
    Preseed(#[from] PreseedError),
}

impl Settings {
    /// Reads the named files and checks every value.
    ///
    /// # Errors
    /// Names the option, and what is allowed.
    pub fn preseed(&self) -> Result<Preseed, SettingsError> {
        let mut preseed = Preseed {
            hostname: checked("--hostname", self.hostname.clone())?,
            timezone: checked("--timezone", self.timezone.clone())?,
            language: checked("--language", self.language.clone())?,
            channel: checked("--channel", self.channel.clone())?,
            owner: self.new_owner()?,
            ..Preseed::default()
        };
        for path in &self.ssh_key {
            preseed.ssh_key.extend(keys(path)?);
        }
        if let Some(ssid) = checked("--wifi-ssid", self.wifi_ssid.clone())? {
            let option = "--wifi-password-file";
            let first =
                self.wifi_password_file.as_deref().map(|path| first_line(option, path)).transpose()?;
            preseed.wifi = Some(Wifi {
                ssid,
                password: checked(option, first)?,
                country: checked("--wifi-country", self.wifi_country.clone())?,
            });
        }
        Ok(preseed)
    }

    fn new_owner(&self) -> Result<Option<NewOwner>, SettingsError> {
        let (Some(name), Some(path)) = (&self.owner, &self.owner_password_file) else { return Ok(None) };
        let option = "--owner-password-file";
        let password = OwnerPassword::try_from(first_line(option, path)?)
            .map_err(|error| SettingsError::Value { option, error })?;
        Ok(Some(NewOwner { name: name.clone(), password }))
    }
}

/// The first line of a file that holds a password.
pub(crate) fn first_line(option: &'static str, path: &Path) -> Result<String, SettingsError> {
    Ok(text(option, path)?.lines().next().unwrap_or_default().to_owned())
}

pub(crate) fn checked<T: TryFrom<String, Error = NotAllowed>>(
    option: &'static str,
    value: Option<String>,
) -> Result<Option<T>, SettingsError> {
    value.map(T::try_from).transpose().map_err(|error| SettingsError::Value { option, error })
}

fn text(option: &'static str, path: &Path) -> Result<String, SettingsError> {
    let refuse = |reason: String| SettingsError::File { option, path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| refuse(error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(refuse(format!("it has more than {MAX_BYTES} bytes; is this the right file?")));
    }
    Ok(text)
}

/// The keys of a `.pub` or `authorized_keys` file; blank lines and comments are passed over.
fn keys(path: &Path) -> Result<Vec<SshKey>, SettingsError> {
    let option = "--ssh-key";
    let refuse = |reason: String| SettingsError::File { option, path: path.to_owned(), reason };
    let text = text(option, path)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(refuse("this is a private key, which stays with you; name its .pub file".into()));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<SshKey> = lines
        .map(|line| SshKey::try_from(line.to_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(error.to_string()))?;
    if keys.is_empty() { Err(refuse("it holds no key".into())) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me";
        let good = Settings {
            hostname: Some("shed".into()),
            ssh_key: vec![file("a.pub", &format!("# mine\n\n{key}\n{key}\n"))],
            wifi_ssid: Some("net".into()),
            wifi_password_file: Some(file("password", "correct horse \n")),
            owner: Some("Margarete".into()),
            owner_password_file: Some(file("owner", "quark-Teller-77-Mond\n")),
            language: Some("de".into()),
            channel: Some("beta".into()),
            ..Settings::default()
        };
        let preseed = good.preseed().unwrap();
        assert_eq!(preseed.ssh_key.len(), 2);
        let owner = preseed.owner.unwrap();
        assert_eq!((owner.name.as_str(), owner.password.as_ref()), ("Margarete", "quark-Teller-77-Mond"));
        assert!(preseed.language.is_some() && preseed.channel.is_some());
        assert_eq!(preseed.wifi.unwrap().password.unwrap().as_ref(), "correct horse ");

        let host = Settings { hostname: Some("My Pi".into()), ..Settings::default() };
        let with_key = |text: &str| Settings { ssh_key: vec![file("k", text)], ..Settings::default() };
        let private = with_key("-----BEGIN OPENSSH PRIVATE KEY-----\n").preseed().unwrap_err().to_string();
        assert!(private.contains(".pub"), "{private}");
        let short = Settings {
            owner: Some("Margarete".into()),
            owner_password_file: Some(file("short", "secret7\n")),
            ..Settings::default()
        };
        let language = Settings { language: Some("fr".into()), ..Settings::default() };
        let channel = Settings { channel: Some("Nightly".into()), ..Settings::default() };
        let rows = [
            (host.preseed(), "--hostname: a hostname has"),
            (short.preseed(), "--owner-password-file: an owner's password has 8 to 128"),
            (language.preseed(), "--language: a language is en or de"),
            (channel.preseed(), "--channel: a channel has 1 to 32 letters"),
            (with_key("").preseed(), "no key"),
            (with_key("hello").preseed(), ".pub file"),
            (with_key(&"x".repeat(20_000)).preseed(), "16384 bytes"),
            (
                Settings { ssh_key: vec!["/nonexistent".into()], ..Settings::default() }.preseed(),
                "No such file",
            ),
        ];
        for (result, part) in rows {
            let text = result.unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
