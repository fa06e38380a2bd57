//! Whom an update is believed: the metadata of The Update Framework that a bundle carries or a repository serves, held against
//! the device's root. One line of trust leads from the root to the manifest and from there to the index and each chunk.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures_util::StreamExt;
use tayberry_core::update::offer;
use tayberry_format::bundle::channels::{self, Channels, ChannelsError};
use tayberry_format::bundle::entries::{Entries, EntriesError};
use tayberry_format::bundle::index::{self, Index, IndexError};
use tayberry_format::bundle::manifest::{Content, Manifest, ManifestError};
use tayberry_format::bundle::version::Version;
use tayberry_format::bundle::{index_name, manifest_name, pack_name};
use tayberry_format::owner::{Channel, Repository as Address};
use tough::schema::{Root, Signed};
use tough::{
    ExpirationEnforcement, Repository, RepositoryLoader, TargetName, Transport, TransportError,
    TransportErrorKind, TransportStream,
};
use url::Url;

use crate::device::whole_file;
use crate::update::http::{Client, HttpError};

/// The root that the image brings.
const BUILT_IN: &str = "/usr/share/tayberry/root.json";
/// The newest root that a bundle or repository has led to.
const LEARNED: &str = "/var/lib/tayberry/update-root.json";
/// What a repository said last: what it says next must not be older.
const SEEN: &str = "/var/lib/tayberry/repository";
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
    #[error("the index of this version is damaged")]
    OtherIndex,
    /// The repository.
    #[error("the repository: {0}")]
    Repository(Box<tough::error::Error>),
    /// A file of the repository.
    #[error("the repository: {0}")]
    Http(#[from] HttpError),
    /// The channels of the repository.
    #[error(transparent)]
    Channels(#[from] ChannelsError),
    /// A file that the repository's signatures do not name.
    #[error("the repository has no {0}")]
    NotThere(String),
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
        keep(newer)?;
    }
    Ok(trusted)
}

/// Keeps a root that the device was led to. In rescue there may be nothing to keep it on: the next bundle leads there again.
fn keep(root: &[u8]) -> Result<(), TrustError> {
    match whole_file::replace(Path::new(LEARNED), root) {
        Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound) => {
            tracing::warn!("{LEARNED}: {error}");
            Ok(())
        }
        kept => kept.map_err(|error| TrustError::Io { path: LEARNED.into(), error }),
    }
}

/// Names and contents of small files.
pub type Small = BTreeMap<String, Vec<u8>>;

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
        // One index alone may be long: nobody has signed any of this yet.
        let is_index = heading.name.ends_with("/index") && !small.keys().any(|name| name.ends_with("/index"));
        let most = if is_index { index::MAX_BYTES } else { LONGEST };
        let bytes = entries.whole(&heading, most)?;
        small.insert(heading.name, bytes);
    }
}

/// Believes what `root` leads to. The second value is the version of the root that it ended at.
///
/// # Errors
/// When it leads nowhere.
pub async fn believe(root: &[u8], small: &Small) -> Result<(Trusted, u64), TrustError> {
    let base = || Url::parse("bundle:///").map_err(|_| TrustError::Missing("address"));
    let loader = RepositoryLoader::new(&root, base()?, base()?)
        .transport(Served(small.clone()))
        .expiration_enforcement(ExpirationEnforcement::Unsafe);
    let repository = loader.load().await.map_err(signature)?;
    let manifests = repository.targets().signed.targets.keys();
    let mut manifests = manifests.filter(|name| small.contains_key(name.raw()));
    let name = manifests.next().ok_or(TrustError::Missing("manifest that its signatures name"))?;
    let bytes = target(&repository, name).await.map_err(signature)?;
    let manifest = Manifest::decode(&bytes.ok_or(TrustError::Missing("manifest"))?)?;
    if name.raw() != manifest_name(&manifest.version) {
        return Err(TrustError::Missing("manifest of its version"));
    }
    let index = small.get(&index_name(&manifest.version)).ok_or(TrustError::Missing("index"))?;
    let index = index_of(&manifest, index)?;
    Ok((Trusted { manifest, index }, repository.root().signed.version.get()))
}

fn signature(error: tough::error::Error) -> TrustError {
    TrustError::Signature(Box::new(error))
}

/// The contents of a target; none if nothing of that name was signed.
async fn target(repository: &Repository, name: &TargetName) -> tough::error::Result<Option<Vec<u8>>> {
    let Some(mut read) = repository.read_target(name).await? else { return Ok(None) };
    let mut bytes = Vec::new();
    while let Some(piece) = read.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(Some(bytes))
}

fn index_of(manifest: &Manifest, bytes: &[u8]) -> Result<Index, TrustError> {
    if Content::of(bytes) != manifest.index {
        return Err(TrustError::OtherIndex);
    }
    Ok(Index::decode(bytes)?)
}

/// What a repository offers, believed.
#[derive(Debug)]
pub struct Offered {
    /// The version.
    pub trusted: Trusted,
    /// Address of its pack.
    pub pack: String,
}

/// Asks the repository at `address` for the newest version of `channel` that leads on from `running`; none when there is
/// none. Nothing that expired is believed, and nothing older than what it said before.
///
/// # Errors
/// When it cannot be asked, or is not believed.
pub async fn ask(
    client: &Client,
    address: &Address,
    channel: &Channel,
    running: &Version,
) -> Result<Option<Offered>, TrustError> {
    let root = newest_root()?;
    let address = address.as_ref();
    let base = |part: &str| {
        Url::parse(&format!("{address}/{part}/")).map_err(|_| TrustError::NotThere(part.to_owned()))
    };
    let at = |error| TrustError::Io { path: SEEN.into(), error };
    std::fs::create_dir_all(SEEN).map_err(at)?;
    let repository = RepositoryLoader::new(&root, base("metadata")?, base("targets")?)
        .transport(Web(client.clone()))
        .datastore(SEEN)
        .expiration_enforcement(ExpirationEnforcement::Safe)
        .load()
        .await
        .map_err(refused)?;
    learn(client, &repository, address, &root)?;
    let named = |name: String| async {
        let target_name = TargetName::new(name.as_str()).map_err(refused)?;
        let bytes = target(&repository, &target_name).await.map_err(refused)?;
        bytes.ok_or(TrustError::NotThere(name))
    };
    let channels = Channels::decode(&named(channels::FILE.to_owned()).await?)?;
    let Some(release) = offer::choose(&channels, channel, running) else { return Ok(None) };
    let manifest = Manifest::decode(&named(manifest_name(&release.version)).await?)?;
    if manifest.version != release.version {
        return Err(TrustError::NotThere(manifest_name(&release.version)));
    }
    let at = |name: String| format!("{address}/targets/{name}");
    let index = client.whole(&at(index_name(&manifest.version)), manifest.index.bytes)?;
    let index = index_of(&manifest, &index)?;
    let pack = at(pack_name(&manifest.version));
    Ok(Some(Offered { trusted: Trusted { manifest, index }, pack }))
}

fn refused(error: tough::error::Error) -> TrustError {
    TrustError::Repository(Box::new(error))
}

/// Keeps the root that the repository led to: its predecessors may be gone one day.
fn learn(client: &Client, repository: &Repository, address: &str, known: &[u8]) -> Result<(), TrustError> {
    let led_to = &repository.root().signed;
    if Some(led_to.version.get()) == version(known) {
        return Ok(());
    }
    let bytes = client.whole(&format!("{address}/metadata/{}.root.json", led_to.version), LONGEST)?;
    // It is fetched a second time: it must be the one that was verified.
    if serde_json::from_slice::<Signed<Root>>(&bytes).ok().as_ref().map(|root| &root.signed) != Some(led_to) {
        return Ok(());
    }
    keep(&bytes)
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

/// Fetches from a web server.
#[derive(Debug, Clone)]
struct Web(Client);

#[async_trait]
impl Transport for Web {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let (client, address) = (self.0.clone(), url.clone());
        let fetched = tokio::task::spawn_blocking(move || client.whole(address.as_str(), LONGEST)).await;
        let failed = |kind, error: Box<dyn std::error::Error + Send + Sync>| {
            TransportError::new_with_cause(kind, url.as_str(), error)
        };
        match fetched {
            Ok(Ok(bytes)) => Ok(Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes.into()))))),
            Ok(Err(error @ HttpError::Missing(_))) => {
                Err(failed(TransportErrorKind::FileNotFound, Box::new(error)))
            }
            Ok(Err(error)) => Err(failed(TransportErrorKind::Other, Box::new(error))),
            Err(error) => Err(failed(TransportErrorKind::Other, Box::new(error))),
        }
    }
}
