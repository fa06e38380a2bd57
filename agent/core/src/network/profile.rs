//! Connections from state, as files that NetworkManager reads (nm-settings-keyfile(5)). Writing them is left to the
//! agent.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use tayberry_format::preseed::{Ssid, Wifi, WifiPassword};
use tayberry_format::state::{SetupNetwork, State};

/// Folder of the connections on the device. Secrets are in them: its files are for root alone.
pub const FOLDER: &str = "/run/NetworkManager/system-connections";
/// Address of the device in its setup network.
pub const SETUP_ADDRESS: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 42, 0, 1);

/// Names a connection to NetworkManager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(String);

impl Uuid {
    /// The same content gives the same name, another one another: a network whose password changed is another
    /// connection, so that nothing of the old one is reused.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let mut bytes: [u8; 16] = std::array::from_fn({
            let digest = hash.finalize();
            move |index| digest[index]
        });
        // RFC 9562, section 5.8: a version for definitions of one's own.
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let text = hex::encode(bytes);
        Self(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]))
    }
}

impl AsRef<str> for Uuid {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// One connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    /// Name of its file.
    pub file: &'static str,
    /// Names it to NetworkManager.
    pub uuid: Uuid,
    /// Contents of the file.
    pub text: String,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Profile({} {})", self.file, self.uuid.0)
    }
}

/// The connections of a device: any cable; the wanted wireless network; the setup network as long as nobody owns the
/// device.
#[must_use]
pub fn render(state: &State) -> Vec<Profile> {
    let mut all = vec![ethernet()];
    all.extend(state.wifi.as_ref().map(wifi));
    all.extend(state.setup_network.as_ref().filter(|_| state.owner.is_none()).map(setup));
    all
}

/// Any cable. Waits for an address as long as it takes: the router may start after the device. A cable to a single
/// computer gets a link-local address.
fn ethernet() -> Profile {
    let uuid = Uuid::of(&[b"tayberry-ethernet"]);
    let text = format!(
        "[connection]\nid=tayberry-ethernet\nuuid={}\ntype=ethernet\nautoconnect-retries=0\nmulti-connect=3\n\n\
         [ethernet]\n\n\
         [ipv4]\nmethod=auto\ndhcp-timeout=2147483647\nlink-local=4\n\n\
         [ipv6]\nmethod=auto\naddr-gen-mode=stable-privacy\n",
        uuid.0
    );
    Profile { file: "tayberry-ethernet.nmconnection", uuid, text }
}

/// Names the connection to a wireless network.
#[must_use]
pub fn wifi_uuid(wifi: &Wifi) -> Uuid {
    let password = wifi.password.as_ref().map_or("", AsRef::as_ref);
    Uuid::of(&[b"tayberry-wifi", wifi.ssid.as_ref().as_bytes(), password.as_bytes()])
}

fn wifi(wifi: &Wifi) -> Profile {
    let uuid = wifi_uuid(wifi);
    let mut text = format!(
        "[connection]\nid=tayberry-wifi\nuuid={}\ntype=wifi\nautoconnect-retries=0\n\n\
         [wifi]\nmode=infrastructure\nssid={}\n\n",
        uuid.0,
        bytes(&wifi.ssid)
    );
    if let Some(password) = &wifi.password {
        // With wpa-psk NetworkManager also takes WPA3's SAE where the network offers it.
        write!(text, "[wifi-security]\nkey-mgmt=wpa-psk\npsk={}\n\n", secret(password)).unwrap_or_default();
    }
    text.push_str("[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\naddr-gen-mode=stable-privacy\n");
    Profile { file: "tayberry-wifi.nmconnection", uuid, text }
}

/// Names the setup network's connection.
#[must_use]
pub fn setup_uuid(network: &SetupNetwork) -> Uuid {
    Uuid::of(&[b"tayberry-setup", network.ssid.as_ref().as_bytes(), network.passphrase.as_ref().as_bytes()])
}

/// WPA2 with nothing optional: whatever people hold in their hands can join. It is opened by the agent alone.
fn setup(network: &SetupNetwork) -> Profile {
    let uuid = setup_uuid(network);
    let text = format!(
        "[connection]\nid=tayberry-setup\nuuid={}\ntype=wifi\nautoconnect=false\n\n\
         [wifi]\nmode=ap\nband=bg\nssid={}\n\n\
         [wifi-security]\nkey-mgmt=wpa-psk\nproto=rsn\npairwise=ccmp\ngroup=ccmp\npmf=1\npsk={}\n\n\
         [ipv4]\nmethod=shared\naddress1={SETUP_ADDRESS}/24\n\n\
         [ipv6]\nmethod=disabled\n",
        uuid.0,
        bytes(&network.ssid),
        secret(&network.passphrase)
    );
    Profile { file: "tayberry-setup.nmconnection", uuid, text }
}

/// A name as a list of bytes: no character of a name means anything in such a list.
fn bytes(ssid: &Ssid) -> String {
    ssid.as_ref().bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte};").unwrap_or_default();
        text
    })
}

/// A value as GLib's key files quote it (glib, gkeyfile.c, `g_key_file_parse_value_as_string`): a blank at either end
/// would be cut off, a backslash begins an escape.
fn secret(password: &WifiPassword) -> String {
    password.as_ref().replace('\\', "\\\\").replace(' ', "\\s")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(ssid: &str, password: Option<&str>) -> Wifi {
        Wifi {
            ssid: ssid.to_owned().try_into().unwrap(),
            password: password.map(|text| text.to_owned().try_into().unwrap()),
            country: None,
        }
    }

    fn shown(state: &State) -> String {
        render(state).iter().map(|profile| format!("== {}\n{}", profile.file, profile.text)).collect()
    }

    #[test]
    fn golden() {
        let setup_network = SetupNetwork::from_random([7; SetupNetwork::RANDOM]);
        let unowned = State {
            setup_network,
            wifi: Some(network("Nachbar;\"=\\ ", Some(" pass\\word; "))),
            ..State::default()
        };
        assert_eq!(shown(&unowned), include_str!("../../fixtures/profiles-unowned.txt"));
        let owner = serde_json::from_str(r#"{"name": "ada", "password": ""}"#).unwrap();
        let owned = State { owner: Some(owner), wifi: Some(network("Café", None)), ..unowned };
        assert_eq!(shown(&owned), include_str!("../../fixtures/profiles-owned.txt"));
    }

    #[test]
    fn another_password_is_another_connection() {
        let [one, same, other] = ["12345678", "12345678", "12345679"].map(|word| network("x", Some(word)));
        assert_eq!(wifi_uuid(&one), wifi_uuid(&same));
        assert_ne!(wifi_uuid(&one), wifi_uuid(&other));
        assert_ne!(wifi_uuid(&network("x", None)), wifi_uuid(&one));
    }

    proptest! {
        /// No name and no password adds a line, a section or a key.
        #[test]
        fn hostile_names_stay_in_their_value(ssid in "\\PC{1,8}", password in "[ -~]{8,63}") {
            prop_assume!(ssid.len() <= 32);
            let wifi = network(&ssid, Some(&password));
            let profile = super::wifi(&wifi);
            let plain = super::wifi(&network("x", Some("12345678")));
            prop_assert_eq!(profile.text.lines().count(), plain.text.lines().count());
            let value = |key: &str| profile.text.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
            let name: Vec<u8> = value("ssid=").split_terminator(';').map(|byte| byte.parse().unwrap()).collect();
            prop_assert_eq!(name, ssid.as_bytes());
            let psk = value("psk=");
            prop_assert!(!psk.contains(' '));
            prop_assert_eq!(unquoted(&psk), password);
        }
    }

    /// What GLib makes of a value.
    fn unquoted(value: &str) -> String {
        let mut text = String::new();
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            text.push(match (letter, letter == '\\') {
                (_, true) => match letters.next() {
                    Some('s') => ' ',
                    Some(other) => other,
                    None => panic!("a backslash at the end"),
                },
                (letter, false) => letter,
            });
        }
        text
    }
}
