//! The publisher's side of updates: keys, bundles, repositories. What they look like is fixed in
//! `tayberry_format::bundle`; who trusts what, by The Update Framework (TUF 1.0) through the crate `tough`.

pub mod bundle;
pub mod cut;
pub mod keys;
pub mod repository;
pub mod root;
pub mod rotate;
pub mod signing;

use std::path::{Path, PathBuf};

/// Something that cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The folder has keys already.
    #[error("{0} exists already: keys are never replaced; name a new folder")]
    Exists(PathBuf),
    /// A key file that is none, or the passphrase is another one.
    #[error("{path} cannot be opened: {why}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A name that is no key's.
    #[error(
        "{0} is no key of the current root: name targets, snapshot, timestamp, or one of root-1, root-2 …"
    )]
    NotAKey(String),
    /// Nobody can be asked for the passphrase.
    #[error("there is nobody to ask for the passphrase: name a file with --passphrase-file")]
    NoPassphrase,
    /// The two passphrases differ.
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    /// A passphrase that is no protection.
    #[error("a passphrase has at least {0} characters")]
    Short(usize),
    /// A program that signs did not.
    #[error("{program}: {why}")]
    Signer {
        /// The program.
        program: String,
        /// The reason.
        why: String,
    },
    /// More signatures are needed than there are keys.
    #[error("{threshold} signatures of {keys} keys: the threshold must be 1 to the number of keys")]
    Threshold {
        /// Signatures.
        threshold: u64,
        /// Keys.
        keys: usize,
    },
    /// The framework refused.
    #[error("{what}: {error}")]
    Tuf {
        /// What was being done.
        what: &'static str,
        /// The reason.
        error: Box<tough::error::Error>,
    },
    /// A key that the framework does not know.
    #[error("a key cannot be named: {0}")]
    Schema(Box<tough::schema::Error>),
    /// The image.
    #[error(transparent)]
    Image(#[from] crate::image_file::ImageError),
    /// A slot of the image that cannot be published.
    #[error("slot A of {image} cannot be published: {why}")]
    Slot {
        /// The image.
        image: PathBuf,
        /// The reason.
        why: String,
    },
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] tayberry_format::bundle::manifest::ManifestError),
    /// The frame of the bundle.
    #[error(transparent)]
    Container(#[from] tayberry_format::bundle::container::ContainerError),
    /// A bundle that cannot be published.
    #[error("{bundle} cannot be published: {why}")]
    Bundle {
        /// The bundle.
        bundle: PathBuf,
        /// The reason.
        why: String,
    },
    /// No bundle was named and none was made.
    #[error("{0} holds no bundle: run `tayberry bundle`, or name a bundle")]
    NoBundle(PathBuf),
    /// The channels.
    #[error(transparent)]
    Channels(#[from] tayberry_format::bundle::channels::ChannelsError),
    /// Text that is no version.
    #[error(transparent)]
    Version(#[from] tayberry_format::bundle::version::NotAVersion),
}

/// Turns an I/O error at `path` into a [`PublishError`].
pub(crate) fn at(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> PublishError {
    let path = path.as_ref().to_owned();
    move |error| PublishError::Io { path, error }
}

/// Names what was being done when the framework refused.
pub(crate) fn tuf(what: &'static str) -> impl FnOnce(tough::error::Error) -> PublishError {
    move |error| PublishError::Tuf { what, error: Box::new(error) }
}

/// Runs what the framework does in an executor of its own: nothing else here waits for anything.
pub(crate) fn block_on<T>(task: impl Future<Output = T>) -> Result<T, PublishError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(at("the executor"))?;
    Ok(runtime.block_on(task))
}
