//! Images of OCI registries (OCI distribution specification), for containers whose root is not made of packages. A name is resolved
//! once, to the digests of one image for the device; from then on only bytes with these digests are taken. Laying the layers over each
//! other is in [`unpack`].

pub mod unpack;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use futures_util::StreamExt;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{ImageIndexEntry, OciDescriptor};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sha2::{Digest, Sha256};

use crate::lock::{Blob, Image};
use crate::ui::{Stage, Ui, human};

/// What the device is, in the words of registries.
const ARCHITECTURE: &str = "arm64";
const SYSTEM: &str = "linux";
/// How long a registry may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// Longest layer that is taken, in bytes.
const LONGEST: u64 = 4 << 30;
/// Registries of this machine need no certificate.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// An image that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The cache.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A name that is none.
    #[error("{0:?} is not the name of an image: {1}")]
    Name(String, String),
    /// The registry does not answer, or has no such image.
    #[error("{reference} cannot be had: {error}")]
    Registry {
        /// The image.
        reference: String,
        /// The reason.
        error: Box<OciDistributionError>,
    },
    /// The registry has it for other machines alone.
    #[error("{reference} is an image for {found}, and the device is {SYSTEM}/{ARCHITECTURE}")]
    Platform {
        /// The image.
        reference: String,
        /// What it is for.
        found: String,
    },
    /// Other bytes than those of the lock.
    #[error("{digest} of {reference} is not what the lock says: it has {found}")]
    Altered {
        /// The image.
        reference: String,
        /// What was asked for.
        digest: String,
        /// What came.
        found: String,
    },
    /// Only the cache may be used, and it is not there.
    #[error("{0} is not in the cache: build once without --offline")]
    Offline(String),
    /// A layer that cannot be checked.
    #[error("a layer of {0} has the digest {1:?}, and only SHA-256 is known here")]
    Digest(String, String),
    /// Larger than any sensible layer.
    #[error("a layer of {0} has more than {LONGEST} bytes")]
    TooLarge(String),
}

fn at(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> RegistryError {
    let path = path.as_ref().to_owned();
    move |error| RegistryError::Io { path, error }
}

/// A place for layers, and the way to registries.
pub struct Layers {
    folder: PathBuf,
}

impl Layers {
    /// Those below `cache`.
    #[must_use]
    pub fn new(cache: &Path) -> Self {
        Self { folder: cache.join("layers") }
    }

    /// Where a layer lies, or will lie. A file with this name was checked.
    #[must_use]
    pub fn file_of(&self, blob: &Blob) -> PathBuf {
        self.folder.join(blob.digest.replace(':', "-"))
    }

    /// What a name means now, for the device.
    ///
    /// # Errors
    /// When the registry does not answer, or has it for other machines alone.
    pub fn resolve(&self, container: &str, reference: &str) -> Result<Image, RegistryError> {
        let name = parse(reference)?;
        let client = client(&name);
        let asked = block_on(client.pull_manifest_and_config(&name, &RegistryAuth::Anonymous))?;
        let (manifest, digest, config) = asked.map_err(failed(reference))?;
        let config: Platform = serde_json::from_str(&config).unwrap_or_default();
        if (config.os.as_str(), config.architecture.as_str()) != (SYSTEM, ARCHITECTURE) {
            let found = format!("{}/{}", config.os, config.architecture);
            return Err(RegistryError::Platform { reference: reference.to_owned(), found });
        }
        let layers: Vec<Blob> = manifest
            .layers
            .into_iter()
            .map(|layer| Blob {
                digest: layer.digest,
                bytes: u64::try_from(layer.size).unwrap_or_default(),
                media_type: layer.media_type,
            })
            .collect();
        if let Some(other) = layers.iter().find(|layer| !is_digest(&layer.digest)) {
            return Err(RegistryError::Digest(reference.to_owned(), other.digest.clone()));
        }
        Ok(Image { container: container.to_owned(), reference: reference.to_owned(), digest, layer: layers })
    }

    /// Makes sure that all layers of `image` are in the cache, unaltered.
    ///
    /// # Errors
    /// When one cannot be had, or is another one.
    pub fn fetch(&self, image: &Image, offline: bool, ui: Ui) -> Result<(), RegistryError> {
        if let Some(other) = image.layer.iter().find(|layer| !is_digest(&layer.digest)) {
            return Err(RegistryError::Digest(image.reference.clone(), other.digest.clone()));
        }
        let missing: Vec<&Blob> = image.layer.iter().filter(|blob| !self.file_of(blob).exists()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if offline {
            return Err(RegistryError::Offline(image.reference.clone()));
        }
        std::fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        let name = parse(&image.reference)?;
        let client = client(&name);
        let total = missing.iter().map(|blob| blob.bytes).sum();
        let stage = ui.stage("download", Some(total));
        for blob in &missing {
            block_on(self.download(&client, &name, image, blob, &stage))??;
        }
        stage.finish(&format!("{} layers of {}, {}", missing.len(), image.reference, human(total)));
        Ok(())
    }

    async fn download(
        &self,
        client: &Client,
        name: &Reference,
        image: &Image,
        blob: &Blob,
        stage: &Stage,
    ) -> Result<(), RegistryError> {
        if blob.bytes > LONGEST {
            return Err(RegistryError::TooLarge(image.reference.clone()));
        }
        let failed = failed(&image.reference);
        // A layer is asked for without the manifest: the token for that comes first.
        let auth = client.auth(name, &RegistryAuth::Anonymous, oci_client::RegistryOperation::Pull);
        auth.await.map_err(&failed)?;
        let wanted = OciDescriptor {
            digest: blob.digest.clone(),
            size: i64::try_from(blob.bytes).unwrap_or(i64::MAX),
            media_type: blob.media_type.clone(),
            ..OciDescriptor::default()
        };
        let mut stream = client.pull_blob_stream(name, &wanted).await.map_err(&failed)?;
        let mut part = tempfile::NamedTempFile::new_in(&self.folder).map_err(at(&self.folder))?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = stream.stream.next().await {
            let piece = piece.map_err(|error| failed(error.into()))?;
            bytes += piece.len() as u64;
            if bytes > blob.bytes {
                break;
            }
            hash.update(&piece);
            part.write_all(&piece).map_err(at(part.path()))?;
            stage.add(piece.len() as u64);
        }
        let found = format!("sha256:{}", hex::encode(hash.finalize()));
        if found != blob.digest || bytes != blob.bytes {
            let (reference, digest) = (image.reference.clone(), blob.digest.clone());
            return Err(RegistryError::Altered { reference, digest, found });
        }
        part.as_file().sync_data().map_err(at(part.path()))?;
        let path = self.file_of(blob);
        part.persist(&path).map(drop).map_err(|error| at(&path)(error.error))
    }
}

fn is_digest(text: &str) -> bool {
    let hash = text.strip_prefix("sha256:").unwrap_or_default();
    hash.len() == 64 && hash.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// What an image is for (OCI image specification, config.md).
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Platform {
    os: String,
    architecture: String,
}

fn failed(reference: &str) -> impl Fn(OciDistributionError) -> RegistryError {
    move |error| RegistryError::Registry { reference: reference.to_owned(), error: Box::new(error) }
}

fn parse(reference: &str) -> Result<Reference, RegistryError> {
    Reference::from_str(reference)
        .map_err(|error| RegistryError::Name(reference.to_owned(), error.to_string()))
}

fn client(name: &Reference) -> Client {
    let host = name.resolve_registry();
    let is_here = LOOPBACK
        .iter()
        .any(|here| host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')));
    let protocol =
        if is_here { ClientProtocol::HttpsExcept(vec![host.to_owned()]) } else { ClientProtocol::Https };
    Client::new(ClientConfig {
        protocol,
        platform_resolver: Some(Box::new(for_the_device)),
        read_timeout: Some(SILENCE),
        connect_timeout: Some(CONNECT),
        ..ClientConfig::default()
    })
}

/// Which image of a list is the device's.
fn for_the_device(entries: &[ImageIndexEntry]) -> Option<String> {
    let fits = |entry: &&ImageIndexEntry| {
        entry.platform.as_ref().is_some_and(|platform| {
            platform.os.to_string() == SYSTEM && platform.architecture.to_string() == ARCHITECTURE
        })
    };
    entries.iter().find(fits).map(|entry| entry.digest.clone())
}

fn block_on<T>(task: impl Future<Output = T>) -> Result<T, RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(at("the executor"))?.block_on(task))
}
