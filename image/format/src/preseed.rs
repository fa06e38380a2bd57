//! The preseed file `tayberry.toml` in the config partition: what the owner decided before the first boot. Everything
//! in it is optional. Acting on it is left to the device; finding its place on a disk, to `tayberry-firmware`.
//!
//! The file is pre-allocated as one block of [`BYTES`] and padded with newlines, which TOML ignores, so it can be
//! overwritten in place; a person with a card reader may just as well replace it by any TOML text of that size.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::owner::{Channel, Language};

/// Name of the file in the config partition.
pub const FILE: &str = "tayberry.toml";

/// Length of the file in bytes, padding included, and the most that is read.
pub const BYTES: usize = 4096;

/// Types of public keys that OpenSSH 10 accepts for logging in (`sshd_config(5)`, PubkeyAcceptedAlgorithms), as they
/// stand in a `.pub` file.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What the owner decided before the first boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preseed {
    /// Name of the device in the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Time zone of the device's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<TimeZone>,
    /// Language of the pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where updates come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Who may log in by SSH; SSH stays off without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_key: Vec<SshKey>,
    /// The wireless network to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wifi: Option<Wifi>,
    /// Who the device is to belong to: the setup in the browser is skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<NewOwner>,
}

/// The owner to be. Name and password are judged by the device like those of the setup in the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOwner {
    /// Name to sign in with.
    pub name: String,
    /// Password, in plain text: it is gone from the file once the device has started.
    pub password: OwnerPassword,
}

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wifi {
    /// Its name.
    pub ssid: Ssid,
    /// Its WPA passphrase or key; none for an open network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<WifiPassword>,
    /// Where the device stands, which decides what channels it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

/// A preseed file that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PreseedError {
    /// Not TOML, an unknown key, or a value that is not allowed. Never repeats the line, which may hold a password.
    #[error("{FILE}, line {line}, column {column}: {message}")]
    Invalid {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The text does not fit its block.
    #[error("{FILE} has {0} bytes and may have {BYTES}: use fewer or shorter SSH keys")]
    TooLong(usize),
    /// The text cannot be written as TOML. No value of this type is known to do that.
    #[error("{FILE} cannot be written: {0}")]
    Render(String),
}

impl Preseed {
    /// Reads the file. One that is empty or all newlines, as in a fresh image, decides nothing.
    ///
    /// # Errors
    /// With line, column and what is allowed there.
    pub fn parse(bytes: &[u8]) -> Result<Self, PreseedError> {
        if bytes.len() > BYTES {
            return Err(PreseedError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            invalid(bytes, error.valid_up_to(), "this is not UTF-8 text; save the file as UTF-8".into())
        })?;
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            invalid(bytes, at, sentence(error.message()))
        })
    }

    /// The file as it stands on the disk.
    ///
    /// # Errors
    /// When it has more than [`BYTES`] bytes, which only many SSH keys can do.
    pub fn render(&self) -> Result<[u8; BYTES], PreseedError> {
        let text = toml::to_string(self).map_err(|error| PreseedError::Render(error.to_string()))?;
        let mut block = [b'\n'; BYTES];
        let place = block.get_mut(..text.len()).ok_or(PreseedError::TooLong(text.len()))?;
        place.copy_from_slice(text.as_bytes());
        Ok(block)
    }

    /// The same without secrets: no owner, and no wireless network that has a password. Without its password such a
    /// network would read as an open one, which a device that is reset later must not join.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let wifi = self.wifi.clone().filter(|wifi| wifi.password.is_none());
        Self { wifi, owner: None, ..self.clone() }
    }

    /// What takes the place of a file of `length` bytes once it was taken over: what it said, without secrets, padded
    /// with newlines. Where there is no room for that (a person may have written it in fewer bytes than we do), nothing
    /// but newlines.
    #[must_use]
    pub fn replacement(&self, length: usize) -> Vec<u8> {
        const WHY: &str = "# Taken over by the device; what held a password was removed.\n";
        let text = toml::to_string(&self.without_secrets()).unwrap_or_default();
        padded(&[&format!("{WHY}{text}"), &text], length)
    }

    /// Whether it holds a secret.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.without_secrets() != *self
    }

    /// Whether it decides nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The first of `texts` that has room in `length` bytes, padded with newlines; all newlines if none has.
pub(crate) fn padded(texts: &[&str], length: usize) -> Vec<u8> {
    let mut bytes = vec![b'\n'; length];
    if let Some(text) = texts.iter().find(|text| text.len() <= length) {
        bytes.splice(..text.len(), text.bytes());
    }
    bytes
}

/// The library's explanation in one line, without the value of a wrong type: `password = 12345678` is a password, too.
fn sentence(message: &str) -> String {
    let line = message.lines().collect::<Vec<_>>().join(", ");
    match line.rsplit_once(", expected ") {
        Some((_, expected)) if line.starts_with("invalid type") => format!("expected {expected}"),
        _ => line,
    }
}

fn invalid(bytes: &[u8], at: usize, message: String) -> PreseedError {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    PreseedError::Invalid {
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
        message,
    }
}

/// A value that is not allowed; says what is. It never repeats the value, which may be a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotAllowed(pub(crate) &'static str);

/// Makes a checked text type. `$check` answers whether a text is allowed, `$allowed` says what is.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $check:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = NotAllowed;

            fn try_from(text: String) -> Result<Self, NotAllowed> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(NotAllowed($allowed)) }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! shown {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
shown!(Hostname TimeZone SshKey Ssid Country);

impl std::fmt::Debug for WifiPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WifiPassword(…)")
    }
}

checked!(
    /// One label of a host name (RFC 1123, section 2.1), in lower case.
    Hostname,
    |text| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    },
    "a hostname has 1 to 63 lower-case letters, digits and -, and neither begins nor ends with -"
);

checked!(
    /// A name of the IANA time zone database. Whether the database has it, only the device can tell.
    TimeZone,
    |text| {
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        };
        text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(part)
    },
    "a timezone is a name such as Europe/Berlin or UTC"
);

checked!(
    /// One line of an OpenSSH `.pub` file: type, Base64, optional comment (`sshd(8)`, AUTHORIZED_KEYS FILE FORMAT).
    /// Options before the type are not allowed.
    SshKey,
    is_public_key,
    "an ssh_key is one line of an OpenSSH .pub file, such as \"ssh-ed25519 AAAA... name\""
);

checked!(
    /// Name of a wireless network: up to 32 bytes (IEEE 802.11-2020, section 9.4.2.2), here of printable UTF-8.
    Ssid,
    |text| (1..=32).contains(&text.len()) && !text.chars().any(char::is_control),
    "an ssid has 1 to 32 bytes and no control characters"
);

checked!(
    /// WPA passphrase or pre-shared key (IEEE 802.11-2020, annex J.4.1). Never printed.
    WifiPassword,
    |text| match text.len() {
        8..=63 => text.bytes().all(|b| (b' '..=b'~').contains(&b)),
        64 => text.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => false,
    },
    "a Wi-Fi password has 8 to 63 printable ASCII characters, or is a key of 64 hexadecimal digits"
);

impl std::fmt::Debug for OwnerPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerPassword(…)")
    }
}

checked!(
    /// The password of an owner to be. Its length alone is judged here; how easy it is to guess, on the device. Never
    /// printed.
    OwnerPassword,
    |text| (8..=128).contains(&text.chars().count()),
    "an owner's password has 8 to 128 characters"
);

checked!(
    /// ISO 3166-1 alpha-2 code.
    Country,
    |text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
    "a country is a code of two capital letters, such as DE"
);

fn is_public_key(text: &str) -> bool {
    let mut words = text.splitn(3, ' ');
    let (Some(kind), Some(data)) = (words.next(), words.next()) else { return false };
    let comment = words.next().unwrap_or_default();
    // A line break in the comment would be a second line of authorized_keys.
    if !KEY_TYPES.contains(&kind) || comment.chars().any(char::is_control) {
        return false;
    }
    // The blob begins with its own type as a string (RFC 4253, section 6.6): a cut or mixed-up key is noticed here.
    STANDARD.decode(data).is_ok_and(|blob| {
        let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
        blob.strip_prefix(&length)
            .and_then(|rest| rest.strip_prefix(kind.as_bytes()))
            .is_some_and(|rest| rest.len() >= 32)
    })
}

#[cfg(test)]
#[path = "preseed_tests.rs"]
mod tests;
