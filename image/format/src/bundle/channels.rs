//! The channels of a repository: which versions each offers. A target like a manifest, so that TUF signs it. What a device takes
//! of them is decided in `tayberry-core`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bundle::version::Version;
use crate::owner::Channel;

/// Its name among the targets of a repository.
pub const FILE: &str = "channels.json";
/// Format that this version reads and writes.
pub const FORMAT: u32 = 1;
/// Longest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// Versions that a channel offers at most: steps on the way from an old one.
pub const MAX_RELEASES: usize = 16;
/// Channels of a repository at most.
const MAX_CHANNELS: usize = 32;

/// The channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// [`FORMAT`].
    pub format: u32,
    /// What each offers, the newest version first.
    pub channels: BTreeMap<Channel, Vec<Release>>,
}

/// A version on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The oldest version that may take it in one step; every one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
}

/// Channels that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelsError {
    /// Longer than [`MAX_BYTES`], or with more channels or versions than are read.
    #[error("the list of channels is too long")]
    TooLong,
    /// Of another format.
    #[error("the list of channels has format {0}, and this version reads format {FORMAT}")]
    Format(u32),
    /// Not a list of channels.
    #[error("the list of channels cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Default for Channels {
    fn default() -> Self {
        Self { format: FORMAT, channels: BTreeMap::new() }
    }
}

impl Channels {
    /// Offers `release` first in `channel`. One of the same version is replaced; the oldest ones fall out.
    pub fn offer(&mut self, channel: Channel, release: Release) {
        let releases = self.channels.entry(channel).or_default();
        releases.retain(|other| other.version != release.version);
        releases.push(release);
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        releases.truncate(MAX_RELEASES);
    }

    /// The list as it is signed: the same bytes for the same values.
    ///
    /// # Errors
    /// When it is too long.
    pub fn encode(&self) -> Result<Vec<u8>, ChannelsError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Self::decode(&bytes).map(|_| bytes)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When it is too long, of another format, or none.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChannelsError> {
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        if bytes.len() > MAX_BYTES {
            return Err(ChannelsError::TooLong);
        }
        let any: Any = serde_json::from_slice(bytes)?;
        if any.format != FORMAT {
            return Err(ChannelsError::Format(any.format));
        }
        let all: Self = serde_json::from_slice(bytes)?;
        let long = all.channels.values().any(|releases| releases.len() > MAX_RELEASES);
        if long || all.channels.len() > MAX_CHANNELS { Err(ChannelsError::TooLong) } else { Ok(all) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(version: &str) -> Release {
        Release { version: version.parse().unwrap(), from: None }
    }

    #[test]
    fn the_newest_comes_first_and_the_oldest_fall_out() {
        let mut all = Channels::default();
        for minor in 0..20 {
            all.offer(Channel::default(), release(&format!("1.{minor}")));
        }
        all.offer(Channel::default(), Release { from: Some("1.2".parse().unwrap()), ..release("1.7") });
        let releases = &all.channels[&Channel::default()];
        assert_eq!((releases.len(), &releases[0]), (MAX_RELEASES, &release("1.19")));
        assert_eq!(releases.iter().filter(|one| one.from.is_some()).count(), 1);
        assert_eq!(Channels::decode(&all.encode().unwrap()).unwrap(), all);
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, part) in [
            ("", "cannot be read"),
            (r#"{"format":2,"channels":[]}"#, "format 2"),
            (r#"{"format":1,"channels":{"Über":[]}}"#, "cannot be read"),
            (r#"{"format":1,"channels":{},"more":1}"#, "cannot be read"),
        ] {
            let error = Channels::decode(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(matches!(Channels::decode(&[b' '; MAX_BYTES + 1]), Err(ChannelsError::TooLong)));
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "[{]\"format\":1,\"channels\":[{](\"(stable|beta)\":[\\[\\]{}]{0,4},?){0,3}\\PC{0,20}") {
            if let Ok(all) = Channels::decode(text.as_bytes()) {
                prop_assert_eq!(Channels::decode(&all.encode().unwrap()).unwrap(), all);
            }
        }
    }
}
