//! `tayberry.lock`: every package of an image and of the tools that build it, with what proves that it is the
//! same. Resolving is in [`resolve`], maintainer scripts in [`scripts`].

pub mod resolve;
pub mod scripts;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Version of the lock file's format.
const FORMAT: u32 = 1;

/// What a package is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Section {
    /// Unpacked into the device's root file system.
    System,
    /// Unpacked into the root of this container.
    Container(String),
    /// Unpacked into the cache and run there.
    Tools,
}

/// What a section of a container's packages begins with.
const CONTAINER: &str = "container.";

impl From<Section> for String {
    fn from(section: Section) -> Self {
        match section {
            Section::System => "system".to_owned(),
            Section::Container(name) => format!("{CONTAINER}{name}"),
            Section::Tools => "tools".to_owned(),
        }
    }
}

impl TryFrom<String> for Section {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match (text.as_str(), text.strip_prefix(CONTAINER)) {
            ("system", _) => Ok(Self::System),
            ("tools", _) => Ok(Self::Tools),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Container(name.to_owned())),
            _ => Err(format!("{text:?} is no section")),
        }
    }
}

impl Section {
    /// It runs on the device, and not on the machine that builds.
    #[must_use]
    pub fn is_of_the_device(&self) -> bool {
        *self != Self::Tools
    }
}

/// A locked package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// What it is for.
    pub section: Section,
    /// Name.
    pub name: String,
    /// Architecture, `all` included.
    pub architecture: String,
    /// Version.
    pub version: String,
    /// Source package.
    pub source: String,
    /// Path below the archive's address.
    pub path: String,
    /// It came from the kernel flavour's own archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kernel_archive: bool,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the package, hexadecimal.
    pub sha256: String,
    /// SHA-256 of its maintainer scripts without comments, hexadecimal; absent when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scripts: Option<String>,
}

impl Package {
    /// Whether it came from the security archive.
    #[must_use]
    pub fn is_security(&self) -> bool {
        !self.kernel_archive && self.path.starts_with("pool/updates/")
    }

    fn key(&self) -> (&Section, &str, &str) {
        (&self.section, &self.name, &self.architecture)
    }
}

/// The image of a registry that a container begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The container.
    pub container: String,
    /// Its name in the registry, as it was resolved.
    pub reference: String,
    /// Digest of its manifest, for the device's architecture.
    pub digest: String,
    /// Its layers, the lowest first.
    pub layer: Vec<Blob>,
}

/// A layer in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// `sha256:` and its hash, as it is transferred.
    pub digest: String,
    /// Bytes that are transferred.
    pub bytes: u64,
    /// How it is packed.
    pub media_type: String,
}

/// The lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of this format.
    pub format: u32,
    /// Architecture of the machine that the tools are for.
    pub host: String,
    /// Kernel flavour that was resolved.
    pub kernel: String,
    /// The newest signed date of the suites, in seconds since 1970: the time of every file in the image.
    pub epoch: i64,
    /// Signed date of each suite.
    pub suites: BTreeMap<String, String>,
    /// Images of registries. One that is missing is resolved by the first build that needs it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<Image>,
    /// The packages, sorted.
    pub package: Vec<Package>,
}

/// A lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// There is none.
    #[error("{0} is missing: run `tayberry lock`")]
    Missing(PathBuf),
    /// It is damaged or of another version.
    #[error("{path}: {error}; run `tayberry lock` to write it anew")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: Box<toml::de::Error>,
    },
    /// Written by another version.
    #[error("{0} has format {1}, this tayberry reads {FORMAT}: run `tayberry lock`")]
    Format(PathBuf, u32),
    /// It cannot be written as TOML.
    #[error("the lock cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

impl Lock {
    /// Reads the file.
    ///
    /// # Errors
    /// Says whether it is missing, damaged or of another format.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => LockError::Missing(path.to_owned()),
            _ => LockError::Io { path: path.to_owned(), error },
        })?;
        let lock: Self = toml::from_str(&text)
            .map_err(|error| LockError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        if lock.format != FORMAT {
            return Err(LockError::Format(path.to_owned(), lock.format));
        }
        Ok(lock)
    }

    /// Writes the file in one step: a reader sees the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LockError> {
        let text = format!("# Written by `tayberry lock`. Do not edit.\n{}", toml::to_string(self)?);
        crate::files::write_whole(path, text.as_bytes())
            .map_err(|error| LockError::Io { path: path.to_owned(), error })
    }

    /// The image of a container, if this name was resolved for it.
    #[must_use]
    pub fn image_of(&self, container: &str, reference: &str) -> Option<&Image> {
        self.image.iter().find(|image| image.container == container && image.reference == reference)
    }

    /// The packages of a section.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Package> {
        self.package.iter().filter(move |package| package.section == section)
    }

    /// Version of the first package of the system with this name.
    #[must_use]
    pub fn version_of(&self, name: &str) -> Option<&str> {
        self.section(Section::System)
            .find(|package| package.name == name)
            .map(|package| package.version.as_str())
    }
}

/// One difference between two locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The package, as it is now, or as it was.
    pub package: Package,
    /// Its version before.
    pub before: Option<String>,
    /// Its version now.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Package { name, architecture, .. } = &self.package;
        let mark = if self.package.is_security() && self.after.is_some() { "security  " } else { "" };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{mark}{name}:{architecture}  {before} -> {after}"),
            (None, Some(after)) => write!(f, "{mark}{name}:{architecture}  new, {after}"),
            (Some(before), None) => write!(f, "{name}:{architecture}  gone, was {before}"),
            (None, None) => write!(f, "{name}:{architecture}"),
        }
    }
}

/// What changed from `old` to `new`: security fixes of the device first, then the rest of the device, then tools.
#[must_use]
pub fn changes(old: &[Package], new: &[Package]) -> Vec<Change> {
    let before: BTreeMap<_, _> = old.iter().map(|package| (package.key(), package)).collect();
    let after: BTreeMap<_, _> = new.iter().map(|package| (package.key(), package)).collect();
    let mut changes: Vec<Change> = Vec::new();
    for (key, package) in &after {
        let was = before.get(key);
        if was.is_none_or(|was| was.version != package.version) {
            changes.push(Change {
                package: (*package).clone(),
                before: was.map(|was| was.version.clone()),
                after: Some(package.version.clone()),
            });
        }
    }
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    changes.extend(gone.map(|(_, package)| Change {
        package: (*package).clone(),
        before: Some(package.version.clone()),
        after: None,
    }));
    changes.sort_by_cached_key(|change| {
        (change.package.section.clone(), !change.package.is_security(), change.after.is_none())
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, path: &str) -> Package {
        Package {
            section: Section::System,
            name: name.into(),
            architecture: "arm64".into(),
            version: version.into(),
            source: name.into(),
            path: path.into(),
            kernel_archive: false,
            size: 1,
            sha256: "00".into(),
            scripts: None,
        }
    }

    #[test]
    fn changes_name_security_fixes_first() {
        let old = [package("a", "1", "pool/a"), package("gone", "1", "pool/g"), package("z", "1", "pool/z")];
        let new =
            [package("a", "2", "pool/a"), package("b", "1", "pool/b"), package("z", "2", "pool/updates/z")];
        let lines: Vec<String> = changes(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["security  z:arm64  1 -> 2", "a:arm64  1 -> 2", "b:arm64  new, 1", "gone:arm64  gone, was 1"]
        );
        assert!(changes(&new, &new).is_empty());
    }
}
