//! One file a command: what the user asked for, in the order in which it happens.

pub mod build;
pub mod bundle;
pub mod control;
pub mod device;
pub mod emulate;
pub mod flash;
pub mod inspect;
pub mod keys;
pub mod lock;
pub mod publish;
pub mod sources;
pub mod stack;

use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Where things lie.
    #[error(transparent)]
    Paths(#[from] crate::paths::PathsError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The mirror.
    #[error(transparent)]
    Mirror(#[from] crate::mirror::NoMirror),
    /// The solver.
    #[error(transparent)]
    Resolve(#[from] crate::lock::resolve::ResolveError),
    /// The lock file.
    #[error(transparent)]
    Lock(#[from] crate::lock::LockError),
    /// A download.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::FetchError),
    /// A package.
    #[error(transparent)]
    Deb(#[from] crate::deb::DebError),
    /// Maintainer scripts that nobody has read.
    #[error(
        "{count} packages have maintainer scripts that nobody has reviewed; see the differences above. \
         If the image needs nothing of them, run `tayberry lock --accept-scripts`"
    )]
    Unreviewed {
        /// How many.
        count: usize,
    },
    /// An image of a registry, and what to do without it.
    #[error("{0}{1}")]
    Registry(crate::registry::RegistryError, &'static str),
    /// An image of a registry that the lock does not name.
    #[error(
        "{reference} is not in the lock: build once without --locked and --offline, or with --database stand-in"
    )]
    Unresolved {
        /// The image.
        reference: String,
    },
    /// A stage of the build.
    #[error(transparent)]
    Build(#[from] crate::build::BuildError),
    /// The virtual Pi 5.
    #[error(transparent)]
    Emulate(#[from] crate::emulate::EmulateError),
    /// No image was named and none was built.
    #[error("{0} holds no image: run `tayberry build`, or name an image")]
    NoImage(PathBuf),
    /// Writing to a drive.
    #[error(transparent)]
    Flash(#[from] crate::flash::FlashError),
    /// A device in the network.
    #[error(transparent)]
    Device(#[from] crate::device::DeviceError),
    /// Publishing.
    #[error(transparent)]
    Publish(#[from] crate::publish::PublishError),
    /// Looking at an image.
    #[error(transparent)]
    Inspect(#[from] crate::inspect::InspectError),
    /// A file.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
}

/// Turns an I/O error at `path` into a [`CommandError`].
pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> CommandError {
    let path = path.into();
    move |error| CommandError::Io { path, error }
}
