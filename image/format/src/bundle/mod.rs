//! A bundle: one version of the operating system, as one file for an upload or as files of a repository.
//!
//! The file is a tar archive (POSIX ustar) whose entries come in the order in which a device needs them: the metadata of
//! The Update Framework, the [`manifest`], the [`index`], and the pack, which is the stored chunks one after the other. A
//! repository serves the same entries as files, and a device fetches ranges of the pack. What is trusted follows one line:
//! TUF signs the manifest, the manifest names the index, the index names each chunk; nothing else is believed.
//!
//! Making and signing bundles is left to the workstation, fetching and writing them to the agent.

pub mod channels;
pub mod chunks;
pub mod container;
pub mod entries;
pub mod index;
pub mod manifest;
pub mod version;

/// How a bundle's file name ends, behind `NAME-VERSION`.
pub const SUFFIX: &str = ".tayberry";

/// Name of the manifest of a version among the targets of a repository.
#[must_use]
pub fn manifest_name(version: &version::Version) -> String {
    format!("{version}/manifest.json")
}

/// Name of the index of a version in a repository and in a bundle.
#[must_use]
pub fn index_name(version: &version::Version) -> String {
    format!("{version}/index")
}

/// Name of the pack of a version in a repository and in a bundle.
#[must_use]
pub fn pack_name(version: &version::Version) -> String {
    format!("{version}/pack")
}
