//! Whom an update is believed: the metadata of The Update Framework that a bundle carries, held against the device's root.
//! One line of trust leads from the root to the manifest and from there to the index and each chunk.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures_util::StreamExt;
use tayberry_format::bundle::index::{self, Index, IndexError};
use tayberry_format::bundle::manifest::{Content, Manifest, ManifestError};
use tayberry_format::bundle::{index_name, manifest_name, pack_name};
use tough::{
    ExpirationEnforcement, RepositoryLoader, Transport, TransportError, TransportErrorKind, TransportStream,
};
use url::Url;

use crate::device::whole_file;
use crate::update::entries::{Entries, EntriesError};

/// The root that the image brings.
const BUILT_IN: &str = "/usr/share/tayberry/root.json";
/// The newest root that a bundle or repository has led to.
const LEARNED: &str = "/var/lib/tayberry/update-root.json";
/// Longest root, and longest other metadata, in bytes.
const LONGEST: u64 = 1 << 20;
/// Most entries before the pack. Each change of the root is one.
const MOST: usize = 64;

/// A bundle that is not believed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The image was built without a root.
    #[error(
        "this image was built without a root of trust, so it takes no updates (tayberry build --update-root)"
    )]
    NoRoot,
    /// A file of the device.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The file.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// Something is missing.
    #[error("the bundle has no {0}")]
    Missing(&'static str),
    /// More than any bundle has.
    #[error("the bundle has more than {MOST} entries before its pack")]
    Many,
    /// A signature, a threshold, an expiry.
    #[error("the bundle is not signed by whom this device trusts: {0}")]
    Signature(Box<tough::error::Error>),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index is not the manifest's.
    #[error("the bundle's index is damaged")]
    OtherIndex,
}

/// What the signatures vouch for.
#[derive(Debug)]
pub struct Trusted {
    /// The manifest.
    pub manifest: Manifest,
    /// Its index.
    pub index: Index,
}

/// Reads the entries up to the pack, and believes what the device's root leads to. The next byte of `entries` is the pack's
/// first. A signature may be older than its expiry says: whoever hands in a file answers for that.
///
/// # Errors
/// When anything is missing, too long, damaged, or signed by others.
pub async fn look<R: Read>(entries: &mut Entries<R>) -> Result<Trusted, TrustError> {
    let (name, small) = before_the_pack(entries)?;
    let root = newest_root()?;
    let (trusted, number) = believe(&root, &small).await?;
    if name != pack_name(&trusted.manifest.version) {
        return Err(TrustError::Missing("pack of its version"));
    }
    if let Some(newer) = small.get(&format!("{number}.root.json")).filter(|newer| **newer != root) {
        let path = Path::new(LEARNED);
        whole_file::replace(path, newer).map_err(|error| TrustError::Io { path: path.to_owned(), error })?;
    }
    Ok(trusted)
}

type Small = BTreeMap<String, Vec<u8>>;

/// All entries before the pack, and the pack's name.
fn before_the_pack<R: Read>(entries: &mut Entries<R>) -> Result<(String, Small), TrustError> {
    let mut small = Small::new();
    loop {
        let heading = entries.advance()?.ok_or(TrustError::Missing("pack"))?;
        if heading.name.ends_with("/pack") {
            return Ok((heading.name, small));
        }
        if small.len() >= MOST {
            return Err(TrustError::Many);
        }
        let most = if heading.name.ends_with("/index") { index::MAX_BYTES } else { LONGEST };
        let bytes = entries.whole(&heading, most)?;
        small.insert(heading.name, bytes);
    }
}

/// Believes what `root` leads to. The second value is the version of the root that it ended at.
///
/// # Errors
/// When it leads nowhere.
pub(crate) async fn believe(root: &[u8], small: &Small) -> Result<(Trusted, u64), TrustError> {
    let signature = |error| TrustError::Signature(Box::new(error));
    let base = || Url::parse("bundle:///").map_err(|_| TrustError::Missing("address"));
    let loader = RepositoryLoader::new(&root, base()?, base()?)
        .transport(Served(small.clone()))
        .expiration_enforcement(ExpirationEnforcement::Unsafe);
    let repository = loader.load().await.map_err(signature)?;
    let manifests = repository.targets().signed.targets.keys();
    let mut manifests = manifests.filter(|name| small.contains_key(name.raw()));
    let name = manifests.next().ok_or(TrustError::Missing("manifest that its signatures name"))?;
    let read = repository.read_target(name).await.map_err(signature)?;
    let mut read = read.ok_or(TrustError::Missing("manifest"))?;
    let mut bytes = Vec::new();
    while let Some(piece) = read.next().await {
        bytes.extend_from_slice(&piece.map_err(signature)?);
    }
    let manifest = Manifest::decode(&bytes)?;
    if name.raw() != manifest_name(&manifest.version) {
        return Err(TrustError::Missing("manifest of its version"));
    }
    let index = small.get(&index_name(&manifest.version)).ok_or(TrustError::Missing("index"))?;
    if Content::of(index) != manifest.index {
        return Err(TrustError::OtherIndex);
    }
    let index = Index::decode(index)?;
    Ok((Trusted { manifest, index }, repository.root().signed.version.get()))
}

/// The root that the device trusts: the image's, or the one that it led to.
fn newest_root() -> Result<Vec<u8>, TrustError> {
    let read = |path: &str| match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TrustError::Io { path: path.into(), error }),
    };
    let built_in = read(BUILT_IN)?.ok_or(TrustError::NoRoot)?;
    Ok(match read(LEARNED)? {
        // A newer image may bring a newer root. A damaged file says nothing.
        Some(learned) if version(&learned) > version(&built_in) => learned,
        _ => built_in,
    })
}

/// The version of a root; none if it is none.
fn version(root: &[u8]) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(root).ok()?;
    value["signed"]["version"].as_u64()
}

/// Serves the entries as a repository would.
#[derive(Debug, Clone)]
struct Served(Small);

#[async_trait]
impl Transport for Served {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let name = url.path().trim_start_matches('/');
        // Consistent snapshots put a target's hash in front of its name.
        let plain =
            name.split_once('.').filter(|(hash, _)| hash.len() == 64).map_or(name, |(_, plain)| plain);
        let found = self.0.get(name).or_else(|| self.0.get(plain)).cloned();
        let bytes =
            found.ok_or_else(|| TransportError::new(TransportErrorKind::FileNotFound, url.as_str()))?;
        Ok(Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes.into())))))
    }
}
