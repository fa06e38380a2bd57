//! The list of packages inside a system partition: written by the builder, read by `inspect`. Its place in the system
//! partition makes the root hash vouch for it. Reading and writing the file is left to the callers.

use serde::{Deserialize, Serialize};

/// Where the list lies below the root of the file system.
pub const PATH: &str = "usr/share/tayberry/packages.json";

/// Version of the list's format.
pub const FORMAT: u32 = 1;

/// Longest list that is read, in bytes. A list of 150 packages has less than 20 KiB.
pub const MAX_BYTES: u64 = 4 << 20;

/// What a system partition is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    /// Name of the image.
    pub name: String,
    /// Version of the image.
    pub version: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Bytes of files that are not a package's, without this list.
    pub own_bytes: u64,
    /// The packages, sorted by name.
    pub packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture, `all` included.
    pub architecture: String,
    /// Source package.
    pub source: String,
    /// Length of its files that were kept, before compression, in bytes. 0 where nothing was.
    pub bytes: u64,
}
