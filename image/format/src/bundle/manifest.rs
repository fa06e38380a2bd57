//! The manifest of a version: what it is, what it runs on, and what its index is. A target of the repository, so that TUF
//! signs it. Whether a device may take it is decided in `tayberry-core`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bundle::version::Version;
use crate::verity::RootHash;

/// Format that this version reads and writes.
pub const FORMAT: u32 = 1;
/// Longest manifest that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// The board that images of this layout run on, as manifests name it.
pub const BOARD: &str = "raspberry-pi-5";
/// The disk layout of [`crate::layout`]. Another number is another layout: no update leads from one to the other.
pub const LAYOUT: u32 = 1;
/// Longest note in one language, in bytes.
const LONGEST_NOTE: usize = 8 << 10;

/// The files of a boot partition: SHA-256, hexadecimal, by path; that of the kernel's command line without the root hash.
pub type BootFiles = BTreeMap<String, String>;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the appliance, as in its configuration.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The signed date of the packages, in seconds since 1970.
    pub epoch: i64,
    /// What it runs on.
    pub compatible: Compatible,
    /// Root hash of the system partition.
    pub root_hash: RootHash,
    /// Data blocks of 4096 bytes under the hash tree.
    pub data_blocks: u64,
    /// The index.
    pub index: Content,
    /// Length of the pack in bytes: what a device without any of it fetches.
    pub pack_bytes: u64,
    /// What the firmware reads: where a device has the same, this version takes the place of its system live.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub boot_files: BootFiles,
    /// What is new, by language (`en`, `de`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

/// What the names of formats and images end with that stand in for a database.
pub const STAND_IN: &str = "-stand-in";

/// What a version needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compatible {
    /// [`BOARD`].
    pub board: String,
    /// [`LAYOUT`].
    pub layout: u32,
    /// Earliest build of the boot firmware, in seconds since 1970.
    pub firmware: i64,
    /// Page size of its kernel in bytes: the databases' files are made for one.
    pub page_size: u32,
    /// Formats of data on the data partition that it reads and writes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data_formats: BTreeMap<String, u32>,
}

impl Compatible {
    /// What stands in for a database, if anything does: data of such a format is nobody's to rely on.
    #[must_use]
    pub fn stand_in(&self) -> Option<&str> {
        self.data_formats.keys().map(String::as_str).find(|name| name.ends_with(STAND_IN))
    }
}

/// Length and hash of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Content {
    /// Those of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) }
    }
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Longer than [`MAX_BYTES`].
    #[error("the manifest is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Of another format.
    #[error(
        "the manifest has format {0}, and this version reads format {FORMAT}: update to a version in between first"
    )]
    Format(u32),
    /// Not a manifest.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that cannot be.
    #[error("the manifest's {0}")]
    Value(&'static str),
}

/// Only what every format has.
#[derive(Deserialize)]
struct Any {
    format: u32,
}

impl Manifest {
    /// The manifest as it is signed: the same bytes for the same values.
    ///
    /// # Errors
    /// When a value is too long.
    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES { Err(ManifestError::TooLong) } else { Ok(bytes) }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is too long, of another format, or not a manifest.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLong);
        }
        let any: Any = serde_json::from_slice(bytes)?;
        if any.format != FORMAT {
            return Err(ManifestError::Format(any.format));
        }
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let plain = |text: &str| {
            !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !plain(&self.name) || self.name.contains('/') {
            return Err(ManifestError::Value("name has 1 to 64 printable ASCII characters, and no /"));
        }
        if self.index.bytes > super::index::MAX_BYTES {
            return Err(ManifestError::Value("index is longer than any slot needs"));
        }
        let short = |(language, note): (&String, &String)| language.len() <= 8 && note.len() <= LONGEST_NOTE;
        if self.notes.len() > 16 || !self.notes.iter().all(short) {
            return Err(ManifestError::Value("notes are longer than 8192 bytes in a language"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            name: "tayberry".into(),
            version: "1.4.2".parse().unwrap(),
            epoch: 1_795_054_374,
            compatible: Compatible {
                board: BOARD.into(),
                layout: LAYOUT,
                firmware: 1_759_881_600,
                page_size: 4096,
                data_formats: BTreeMap::new(),
            },
            root_hash: RootHash([0xab; 32]),
            data_blocks: 25_531,
            index: Content::of(b"index"),
            pack_bytes: 100,
            boot_files: BTreeMap::from([("kernel_2712.img".into(), Content::of(b"kernel").sha256)]),
            notes: BTreeMap::from([("en".into(), "Faster.".into()), ("de".into(), "Schneller.".into())]),
        }
    }

    #[test]
    fn golden() {
        let bytes = manifest().encode().unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            include_str!("../../fixtures/bundle-manifest.json")
        );
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest());
    }

    #[test]
    fn other_manifests_are_refused() {
        let text = String::from_utf8(manifest().encode().unwrap()).unwrap();
        let rows = [
            (text.replace("\"format\": 1", "\"format\": 2"), "format 2"),
            (text.replace("\"epoch\"", "\"epochs\""), "epochs"),
            (text.replace("\"tayberry\"", "\"../x\""), "name"),
            (text.replace("\"1.4.2\"", "\"latest\""), "not a version"),
            (text.replace("\"bytes\": 5", "\"bytes\": 50000000000"), "index is longer"),
            (text.replace("Faster.", &"x".repeat(LONGEST_NOTE + 1)), "notes"),
            (text.replace("Faster.", &"x".repeat(MAX_BYTES)), "longer than 65536"),
            (text[..text.len() / 2].to_owned(), "EOF"),
        ];
        for (text, part) in rows {
            let error = Manifest::decode(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Manifest::decode(&bytes).is_err());
        }
    }
}
