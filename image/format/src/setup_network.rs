//! The setup network: the wireless network that a device without an owner opens when it has no other way to be reached.
//! Its name and passphrase are made once and shown where the claim code is.

use serde::{Deserialize, Serialize};

use crate::preseed::{Ssid, WifiPassword};

/// First part of every name.
const PREFIX: &str = "Tayberry-";
/// Letters and digits that nobody takes for one another; 32, so that a byte chooses each equally often.
const LETTERS: [u8; 32] = *b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of the name: tells devices on one shelf apart.
const NAME: usize = 4;
/// Letters of the passphrase: 60 bits, because whoever hears a client join can try passphrases at home.
const SECRET: usize = 12;
/// So many letters form a group that is read aloud at once.
const GROUP: usize = 4;

/// Name and passphrase of the setup network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupNetwork {
    /// `Tayberry-XXXX`.
    pub ssid: Ssid,
    /// WPA2 passphrase.
    pub passphrase: WifiPassword,
}

impl SetupNetwork {
    /// Random bytes that [`SetupNetwork::from_random`] takes.
    pub const RANDOM: usize = NAME + SECRET;

    /// Makes one of random bytes; none would be a mistake in this file.
    #[must_use]
    pub fn from_random(random: [u8; Self::RANDOM]) -> Option<Self> {
        let letters: Vec<char> =
            random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let (name, secret) = letters.split_at(NAME);
        let name: String = name.iter().collect::<String>().to_uppercase();
        let groups: Vec<String> = secret.chunks(GROUP).map(|group| group.iter().collect()).collect();
        Some(Self {
            ssid: format!("{PREFIX}{name}").try_into().ok()?,
            passphrase: groups.join("-").try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_as_shown_on_the_screen() {
        let random = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let network = SetupNetwork::from_random(random).unwrap();
        assert_eq!(network.ssid.as_ref(), "Tayberry-ABCD");
        assert_eq!(network.passphrase.as_ref(), "efgh-ijkm-npqr");
        assert!(!format!("{network:?}").contains("efgh"), "a passphrase is never printed");
    }

    proptest! {
        #[test]
        fn any_bytes_make_one(random: [u8; SetupNetwork::RANDOM]) {
            prop_assert!(SetupNetwork::from_random(random).is_some());
        }
    }
}
