//! The state document: everything that the owner or the agent decided, in one versioned, checksummed file on the data
//! partition. Configuration is derived from it at every boot. Reading and writing files is left to the agent.
//!
//! One header line, then JSON: `tayberry-state 1 SHA256\n{...}`. Each format has its own file, so that an older agent,
//! which runs again after a roll back, finds what it left and never touches what a newer one wrote.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::claim::ClaimCode;
pub use crate::owner::{Channel, Language, Owner, Repository, Scope, Token, UpdateSettings, Window};
use crate::preseed::{Hostname, SshKey, TimeZone, Wifi};
pub use crate::setup_network::SetupNetwork;

/// Format that this version reads and writes.
pub const FORMAT: u32 = 1;

/// Longest document that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// First word of the header.
const MAGIC: &str = "tayberry-state";

/// What was decided. Everything has a default: a new device decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Name of the device in the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Time zone of the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<TimeZone>,
    /// Who may log in by SSH; SSH is off without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_key: Vec<SshKey>,
    /// Wireless network to join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi: Option<Wifi>,
    /// The code that takes a device without an owner; gone once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimCode>,
    /// The wireless network for the setup of a device without an owner; gone once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_network: Option<SetupNetwork>,
    /// Who the device belongs to; nobody yet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Language of the pages.
    #[serde(default)]
    pub language: Language,
    /// Where updates come from.
    #[serde(default)]
    pub channel: Channel,
    /// How the device updates itself; as the image says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<UpdateSettings>,
    /// Tokens for scripts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<Token>,
    /// SHA-256, hexadecimal, of the preseed file as the device left it: each text is taken over once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preseed: Option<String>,
    /// The same of what Raspberry Pi Imager wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imager: Option<String>,
}

/// A document that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The header is missing or not ours.
    #[error("it does not begin with a header of ours")]
    Header,
    /// Written in another format.
    #[error("it has format {0}, and this version reads format {FORMAT}")]
    Format(u32),
    /// Longer than [`MAX_BYTES`].
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The checksum is another one.
    #[error("its checksum does not match: it was damaged")]
    Checksum,
    /// The checksum matches and the content is not what this format holds.
    #[error("{0}")]
    Content(String),
}

impl State {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is damaged, too long or of another format.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        if bytes.len() > MAX_BYTES {
            return Err(StateError::TooLong);
        }
        let end = bytes.iter().take(128).position(|byte| *byte == b'\n').ok_or(StateError::Header)?;
        let (header, body) = bytes.split_at(end);
        let header = std::str::from_utf8(header).map_err(|_| StateError::Header)?;
        let [MAGIC, format, checksum] = header.split(' ').collect::<Vec<_>>()[..] else {
            return Err(StateError::Header);
        };
        let format = format.parse().map_err(|_| StateError::Header)?;
        if format != FORMAT {
            return Err(StateError::Format(format));
        }
        let body = body.get(1..).unwrap_or_default();
        if checksum != hex::encode(Sha256::digest(body)) {
            return Err(StateError::Checksum);
        }
        serde_json::from_slice(body).map_err(|error| StateError::Content(error.to_string()))
    }

    /// The document as it is written.
    ///
    /// # Errors
    /// When it would be longer than [`MAX_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        let body =
            serde_json::to_string_pretty(self).map_err(|error| StateError::Content(error.to_string()))?;
        let checksum = hex::encode(Sha256::digest(&body));
        let text = format!("{MAGIC} {FORMAT} {checksum}\n{body}");
        if text.len() > MAX_BYTES { Err(StateError::TooLong) } else { Ok(text.into_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> State {
        State {
            hostname: Some("kitchen".to_owned().try_into().unwrap()),
            timezone: Some("Europe/Berlin".to_owned().try_into().unwrap()),
            preseed: Some("00".into()),
            ..State::default()
        }
    }

    #[test]
    fn golden() {
        let text = String::from_utf8(sample().encode().unwrap()).unwrap();
        assert_eq!(text, include_str!("../fixtures/state.txt"));
        assert_eq!(State::decode(text.as_bytes()), Ok(sample()));
    }

    #[test]
    fn what_is_not_ours_is_told_apart() {
        let good = sample().encode().unwrap();
        let newer = String::from_utf8(good.clone()).unwrap().replace("state 1", "state 2");
        assert_eq!(State::decode(newer.as_bytes()), Err(StateError::Format(2)));
        assert_eq!(State::decode(b""), Err(StateError::Header));
        assert_eq!(State::decode(&good[..good.len() - 1]), Err(StateError::Checksum));
        let long = [good, vec![b' '; MAX_BYTES]].concat();
        assert_eq!(State::decode(&long), Err(StateError::TooLong));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(at in 0usize..1000, bit in 0u8..8) {
            let mut bytes = sample().encode().unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(State::decode(&bytes).is_err());
        }

        #[test]
        fn any_content_behind_a_good_header_gives_an_answer(
            body in "[{]?(\"(hostname|claim|owner|token|wifi|imager)\"[:,]|[0-9]{1,12}|[{}\\[\\],:]|\"\\PC{0,8}\"){0,20}[}]?",
        ) {
            let checksum = hex::encode(Sha256::digest(&body));
            if let Ok(state) = State::decode(format!("{MAGIC} {FORMAT} {checksum}\n{body}").as_bytes()) {
                prop_assert_eq!(State::decode(&state.encode().unwrap()), Ok(state));
            }
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(State::decode(&bytes).is_err());
        }
    }
}
