//! What Raspberry Pi Imager writes into the config partition when a person customises an image whose list entry says
//! `"init_format": "cloudinit"`: the files `user-data` and `network-config` (rpi-imager, `customization_generator.cpp`,
//! as of version 2). The part of it that a device without Linux users can do becomes a [`Preseed`]; what it cannot do is
//! named. Commands in these files are never run.

use std::fmt;

use crate::preseed::{Country, Hostname, NotAllowed, Preseed, SshKey, Ssid, Wifi, WifiPassword, padded};
use crate::yaml::Node;

/// Name of the file with users and settings.
pub const USER_DATA: &str = "user-data";
/// Name of the file with networks.
pub const NETWORK_CONFIG: &str = "network-config";
/// The most that is read of each, in bytes; Imager writes at most about 6,000.
pub const BYTES: usize = 16 << 10;

/// Both files as they lie on the disk; empty where there is none.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// [`USER_DATA`].
    pub user_data: Vec<u8>,
    /// [`NETWORK_CONFIG`].
    pub network_config: Vec<u8>,
}

impl fmt::Debug for Files {
    /// They hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files({}, {} bytes)", self.user_data.len(), self.network_config.len())
    }
}

/// What the person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customisation {
    /// What the device takes over.
    pub preseed: Preseed,
    /// What it cannot do.
    pub unused: Vec<Unused>,
}

/// A choice that this device has no place for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unused {
    /// The user's password: a hash for `/etc/shadow`.
    Password,
    /// Logging in by SSH with a password.
    PasswordSsh,
    /// A keyboard.
    Keyboard,
    /// Buses, serial port, USB gadget.
    Interfaces,
    /// Raspberry Pi Connect.
    Connect,
    /// A wireless network that does not say its name.
    HiddenNetwork,
    /// Something that Imager does not write.
    Other(String),
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password => f.write_str("the user's password (the claim code makes the owner)"),
            Self::PasswordSsh => f.write_str("SSH with a password (SSH takes keys, for root)"),
            Self::Keyboard => f.write_str("the keyboard"),
            Self::Interfaces => f.write_str("the interfaces"),
            Self::Connect => f.write_str("Raspberry Pi Connect"),
            Self::HiddenNetwork => f.write_str("that the wireless network is hidden"),
            Self::Other(key) => write!(f, "\"{key}\""),
        }
    }
}

/// Files that cannot be used. Never repeats a value, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagerError {
    /// Longer than [`BYTES`].
    #[error("{0} of Raspberry Pi Imager has more than {BYTES} bytes")]
    TooLong(&'static str),
    /// Not YAML.
    #[error("{file} of Raspberry Pi Imager, line {line}, column {column}: {message}")]
    Invalid {
        /// The file.
        file: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A value that is not allowed.
    #[error("{file} of Raspberry Pi Imager, {key}: {error}")]
    Value {
        /// The file.
        file: &'static str,
        /// Its key.
        key: &'static str,
        /// What is allowed.
        error: String,
    },
}

/// Top-level keys that Imager writes and that ask for nothing here.
const WITHOUT_EFFECT: [&str; 8] = [
    "manage_resolv_conf",
    "manage_etc_hosts",
    "preserve_hostname",
    "packages",
    "apt",
    "locale",
    "enable_ssh",
    "disable_root",
];

impl Files {
    /// Reads both.
    ///
    /// # Errors
    /// With the file, and what is wrong in it.
    pub fn parse(&self) -> Result<Customisation, ImagerError> {
        let mut result = Customisation::default();
        if let Some(root) = tree(USER_DATA, &self.user_data)? {
            user_data(&root, &mut result)?;
        }
        if let Some(root) = tree(NETWORK_CONFIG, &self.network_config)? {
            network(root.get("network").unwrap_or(&root), &mut result)?;
        }
        Ok(result)
    }

    /// What takes the place of the files once they were taken over: the same without secrets, of the same lengths.
    #[must_use]
    pub fn replaced(&self, customisation: &Customisation) -> Self {
        const WHY: &str = "# Taken over by the device; what held a password was removed.\n";
        let preseed = &customisation.preseed;
        let mut text = String::new();
        for (key, value) in [
            ("hostname", preseed.hostname.as_ref().map(AsRef::as_ref)),
            ("timezone", preseed.timezone.as_ref().map(AsRef::as_ref)),
        ] {
            text += &value.map(|value: &str| format!("{key}: \"{value}\"\n")).unwrap_or_default();
        }
        if !preseed.ssh_key.is_empty() {
            text += "user:\n  ssh_authorized_keys:\n";
        }
        for key in &preseed.ssh_key {
            text += &format!("    - \"{}\"\n", key.as_ref().replace('\\', "\\\\").replace('"', "\\\""));
        }
        let user_data = match text.is_empty() {
            true => vec![b'\n'; self.user_data.len()],
            false => padded(&[&format!("#cloud-config\n{WHY}{text}"), &text], self.user_data.len()),
        };
        let secret = preseed.wifi.as_ref().is_none_or(|wifi| wifi.password.is_some());
        let network_config = match secret {
            true => vec![b'\n'; self.network_config.len()],
            false => self.network_config.clone(),
        };
        Self { user_data, network_config }
    }
}

fn tree(file: &'static str, bytes: &[u8]) -> Result<Option<Node>, ImagerError> {
    if bytes.len() > BYTES {
        return Err(ImagerError::TooLong(file));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ImagerError::Invalid {
        file,
        line: bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1,
        column: 1,
        message: "this is not UTF-8 text".into(),
    })?;
    Node::parse(text).map_err(|error| ImagerError::Invalid {
        file,
        line: error.line,
        column: error.column,
        message: error.message,
    })
}

fn value<T: TryFrom<String, Error = NotAllowed>>(
    file: &'static str,
    key: &'static str,
    text: impl Into<String>,
) -> Result<T, ImagerError> {
    T::try_from(text.into()).map_err(|error| ImagerError::Value { file, key, error: error.to_string() })
}

fn user_data(root: &Node, result: &mut Customisation) -> Result<(), ImagerError> {
    for (key, node) in root.entries() {
        match key.as_str() {
            "hostname" => {
                // Names of hosts are the same in either case; ours are kept in lower case.
                let name = node.text().map(str::to_ascii_lowercase);
                result.preseed.hostname =
                    name.map(|name| value::<Hostname>(USER_DATA, "hostname", name)).transpose()?;
            }
            "timezone" => {
                result.preseed.timezone =
                    node.text().map(|zone| value(USER_DATA, "timezone", zone)).transpose()?;
            }
            // Version 1 wrote `users`, version 2 writes `user`.
            "user" | "users" => node.items().iter().try_for_each(|one| user(one, result))?,
            "ssh_pwauth" if matches!(node.text(), Some("true" | "yes" | "1")) => {
                result.unused.push(Unused::PasswordSsh);
            }
            "ssh_pwauth" => {}
            "keyboard" => result.unused.push(Unused::Keyboard),
            "rpi" => result.unused.push(Unused::Interfaces),
            // Its commands start SSH and make the user an administrator, which an SSH key does here; or set up Connect.
            "runcmd" if mentions(node, "com.raspberrypi.connect") => result.unused.push(Unused::Connect),
            "runcmd" => {}
            other if WITHOUT_EFFECT.contains(&other) => {}
            other => result.unused.push(Unused::Other(shown(other))),
        }
    }
    Ok(())
}

fn user(node: &Node, result: &mut Customisation) -> Result<(), ImagerError> {
    if node.at(&["passwd"]).or_else(|| node.at(&["plain_text_passwd"])).and_then(Node::text).is_some() {
        result.unused.push(Unused::Password);
    }
    let keys = node.get("ssh_authorized_keys").map(Node::items).unwrap_or_default();
    for key in keys.iter().filter_map(Node::text) {
        result.preseed.ssh_key.push(value::<SshKey>(USER_DATA, "ssh_authorized_keys", key.trim())?);
    }
    Ok(())
}

fn network(root: &Node, result: &mut Customisation) -> Result<(), ImagerError> {
    let file = NETWORK_CONFIG;
    let interfaces = root.get("wifis").map(Node::entries).unwrap_or_default();
    let Some((interface, (name, point))) = interfaces.iter().find_map(|(_, interface)| {
        interface.get("access-points")?.entries().first().map(|(name, point)| (interface, (name, point)))
    }) else {
        return Ok(());
    };
    let password = point.get("password").or_else(|| point.at(&["auth", "password"])).and_then(Node::text);
    // 00 stands for the whole world, which is the default.
    let country = interface.get("regulatory-domain").and_then(Node::text).filter(|code| *code != "00");
    if matches!(point.get("hidden").and_then(Node::text), Some("true" | "yes")) {
        result.unused.push(Unused::HiddenNetwork);
    }
    result.preseed.wifi = Some(Wifi {
        ssid: value::<Ssid>(file, "access-points", octets(name))?,
        password: password.map(|text| value::<WifiPassword>(file, "password", text)).transpose()?,
        country: country
            .map(|code| value::<Country>(file, "regulatory-domain", code.to_ascii_uppercase()))
            .transpose()?,
    });
    Ok(())
}

/// Imager writes each byte of a network's name beyond ASCII as `\xHH`, which YAML reads as a character of its own.
fn octets(name: &str) -> String {
    let bytes: Option<Vec<u8>> = name.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| name.to_owned())
}

fn mentions(node: &Node, part: &str) -> bool {
    match node {
        Node::Text(text) => text.contains(part),
        Node::List(items) => items.iter().any(|item| mentions(item, part)),
        Node::Map(entries) => entries.iter().any(|(_, value)| mentions(value, part)),
    }
}

/// A stranger's key in a sentence.
fn shown(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
#[path = "imager_tests.rs"]
mod tests;
