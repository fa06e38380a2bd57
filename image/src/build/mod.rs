//! From a lock to a disk. Each module is one stage; the order is in [`crate::commands::build`].

pub mod archive;
pub mod base;
pub mod boot_files;
pub mod compile;
pub mod containers;
pub mod disk;
pub mod erofs;
pub mod finalise;
pub mod initramfs;
pub mod kernel_files;
pub mod layer;
mod libraries;
pub mod modules;
pub mod overlay;
pub mod packages;
pub mod store;
pub mod tree;
pub mod trim;
pub mod verify;

use std::path::{Path, PathBuf};

/// A stage that failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// A package.
    #[error(transparent)]
    Deb(#[from] crate::deb::DebError),
    /// A download.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::FetchError),
    /// A tool.
    #[error(transparent)]
    Tool(#[from] crate::tools::ToolError),
    /// One of our lists.
    #[error("{path}: {error}")]
    List {
        /// The list.
        path: PathBuf,
        /// The reason, with line and column.
        error: Box<toml::de::Error>,
    },
    /// A pattern in one of our lists.
    #[error("{0:?} is not a pattern: {1}")]
    Pattern(String, glob::PatternError),
    /// The kernel package does not hold what it should.
    #[error("the kernel package has no {0}; look at [kernel] in image/appliance.toml")]
    Kernel(String),
    /// An overlay that config.txt would name.
    #[error("there is no overlay {0}; look at [kernel] in image/appliance.toml")]
    NoOverlay(String),
    /// A module that is neither in the kernel package nor built in.
    #[error("kernel modules that image/modules.toml names and this kernel does not have: {}", .0.join(", "))]
    NoModules(Vec<String>),
    /// The tree lacks something that it needs.
    #[error("the tree is not complete:\n  {}", .0.join("\n  "))]
    Incomplete(Vec<String>),
    /// The hash tree.
    #[error(transparent)]
    Verity(#[from] tayberry_format::verity::VerityError),
    /// A boot file system.
    #[error(transparent)]
    Fat(#[from] tayberry_format::fat::FatError),
    /// The partition table.
    #[error(transparent)]
    Table(#[from] tayberry_format::table::TableError),
    /// What was built would not boot.
    #[error("the finished disk would not boot: {0}")]
    WouldNotBoot(String),
}

/// Turns an I/O error at `path` into a [`BuildError`].
pub(crate) fn at(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.as_ref().to_owned();
    move |error| BuildError::Io { path, error }
}

/// What a thread found.
pub(crate) fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads one of our TOML lists.
pub(crate) fn list<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, BuildError> {
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    toml::from_str(&text).map_err(|error| BuildError::List { path: path.to_owned(), error: Box::new(error) })
}
