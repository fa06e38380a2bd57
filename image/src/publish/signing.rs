//! Signs what a bundle carries and a repository serves: the metadata of The Update Framework for a set of targets.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tough::editor::RepositoryEditor;
use tough::key_source::KeySource;
use tough::schema::{Hashes, Target};

use crate::publish::keys::{KeyFile, Passphrase};
use crate::publish::{PublishError, at, block_on, root, tuf};

/// Roles whose keys sign a version.
const ROLES: [&str; 3] = ["targets", "snapshot", "timestamp"];

/// Keys and roots that sign a version.
pub struct Signing {
    folder: PathBuf,
    keys: Vec<Box<dyn KeySource>>,
}

impl Signing {
    /// Opens each key once, so that a wrong passphrase shows before the work.
    ///
    /// # Errors
    /// When a key is missing, or the passphrase is another one.
    pub fn new(folder: &Path, passphrase: &Passphrase) -> Result<Self, PublishError> {
        root::read(folder)?;
        let mut keys: Vec<Box<dyn KeySource>> = Vec::new();
        for role in ROLES {
            let file = KeyFile::of(folder, role, passphrase);
            file.open()?;
            keys.push(Box::new(file));
        }
        Ok(Self { folder: folder.to_owned(), keys })
    }

    /// The metadata for `targets`, good for so many days: names and bytes as a repository serves them, in the order in which
    /// they are read, all roots first.
    ///
    /// # Errors
    /// When they cannot be signed.
    pub fn metadata(
        &self,
        targets: Vec<(String, Target)>,
        version: NonZeroU64,
        days: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, PublishError> {
        let out = tempfile::tempdir().map_err(at("the metadata"))?;
        block_on(self.sign(targets, version, days, out.path()))??;
        let mut files = self.roots()?;
        let mut names: Vec<String> = Vec::new();
        for file in std::fs::read_dir(out.path()).map_err(at(out.path()))? {
            names.push(file.map_err(at(out.path()))?.file_name().to_string_lossy().into_owned());
        }
        let place =
            |name: &String| ["timestamp", "snapshot", "targets"].iter().position(|role| name.contains(role));
        names.retain(|name| place(name).is_some());
        names.sort_by_key(place);
        for name in names {
            let path = out.path().join(&name);
            files.push((name, std::fs::read(&path).map_err(at(&path))?));
        }
        Ok(files)
    }

    async fn sign(
        &self,
        targets: Vec<(String, Target)>,
        version: NonZeroU64,
        days: u32,
        out: &Path,
    ) -> Result<(), PublishError> {
        let mut editor = RepositoryEditor::new(self.folder.join(root::FILE))
            .await
            .map_err(tuf("the root cannot be used"))?;
        let expires = root::in_days(days);
        let what = "the version cannot be signed";
        editor.targets_version(version).map_err(tuf(what))?;
        editor.targets_expires(expires).map_err(tuf(what))?;
        editor.snapshot_version(version).snapshot_expires(expires);
        editor.timestamp_version(version).timestamp_expires(expires);
        for (name, target) in targets {
            editor.add_target(name.as_str(), target).map_err(tuf(what))?;
        }
        let signed = editor.sign(&self.keys).await.map_err(tuf(what))?;
        signed.write(out).await.map_err(tuf(what))
    }

    /// All roots, oldest first: a device follows them from the one that it knows.
    fn roots(&self) -> Result<Vec<(String, Vec<u8>)>, PublishError> {
        let last = root::read(&self.folder)?.signed.version.get();
        let mut files = Vec::new();
        for number in 1..=last {
            let name = format!("{number}.{}", root::FILE);
            let path = self.folder.join(&name);
            files.push((name, std::fs::read(&path).map_err(at(&path))?));
        }
        Ok(files)
    }
}

/// A version above `before`: seconds since 1970, so that they rise without a memory of what was signed before.
#[must_use]
pub fn version(before: u64) -> NonZeroU64 {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    NonZeroU64::MIN.saturating_add(now.max(before))
}

/// What is signed of a target.
#[must_use]
pub fn target(contents: &[u8]) -> Target {
    Target {
        length: contents.len() as u64,
        hashes: Hashes {
            sha256: Sha256::digest(contents).to_vec().into(),
            _extra: std::collections::HashMap::new(),
        },
        custom: std::collections::HashMap::new(),
        _extra: std::collections::HashMap::new(),
    }
}
