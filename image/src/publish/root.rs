//! The root of trust: which keys sign what, and how many of them must. A device is built with one, and follows its
//! successors as long as enough keys of the one before have signed them.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tough::editor::signed::SignedRole;
use tough::key_source::KeySource;
use tough::schema::key::Key;
use tough::schema::{KeyHolder, RoleKeys, RoleType, Root, Signed};

use crate::publish::keys::{self, KeyFile, Passphrase};
use crate::publish::{PublishError, at, block_on, tuf};

/// Name of the current root in a folder of keys and in an image.
pub const FILE: &str = "root.json";
/// Folder of the keys that were replaced, below that of the keys.
pub(crate) const RETIRED: &str = "retired";
/// The version of the framework's specification that is followed.
const SPECIFICATION: &str = "1.0.0";
/// Roles with one key each.
pub(crate) const SINGLE: [(RoleType, &str); 3] =
    [(RoleType::Targets, "targets"), (RoleType::Snapshot, "snapshot"), (RoleType::Timestamp, "timestamp")];

/// What a first root is made of.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Keys of the root.
    pub root_keys: usize,
    /// How many of them must sign a successor.
    pub threshold: u64,
    /// How long the root is good, in days.
    pub days: u32,
}

/// A root that was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The file that images are built with.
    pub root: PathBuf,
    /// Its version.
    pub version: u64,
    /// Key files that were made.
    pub keys: Vec<PathBuf>,
}

/// Makes all keys and the first root in `folder`.
///
/// # Errors
/// When the folder has keys already, or cannot be written.
pub fn init(folder: &Path, wish: Wish, passphrase: &Passphrase) -> Result<Written, PublishError> {
    let threshold = NonZeroU64::new(wish.threshold).filter(|wanted| wanted.get() <= wish.root_keys as u64);
    let refuse = || PublishError::Threshold { threshold: wish.threshold, keys: wish.root_keys };
    let threshold = threshold.ok_or_else(refuse)?;
    if folder.join(FILE).exists() {
        return Err(PublishError::Exists(folder.join(FILE)));
    }
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let mut root = Root {
        spec_version: SPECIFICATION.into(),
        consistent_snapshot: true,
        version: NonZeroU64::MIN,
        expires: in_days(wish.days),
        keys: HashMap::new(),
        roles: HashMap::new(),
        _extra: HashMap::new(),
    };
    let mut made = Vec::new();
    let mut new = |name: &str| -> Result<Key, PublishError> {
        let path = folder.join(format!("{name}.pem"));
        let key = keys::make(&path, passphrase)?;
        made.push(path);
        Ok(key)
    };
    for number in 1..=wish.root_keys {
        grant(&mut root, RoleType::Root, new(&format!("root-{number}"))?, threshold)?;
    }
    for (role, name) in SINGLE {
        grant(&mut root, role, new(name)?, NonZeroU64::MIN)?;
    }
    let signers = root_keys(folder, passphrase)?;
    write(folder, root, &signers)?;
    Ok(Written { root: folder.join(FILE), version: 1, keys: made })
}

/// Lets `key` sign for `role`.
pub(crate) fn grant(
    root: &mut Root,
    role: RoleType,
    key: Key,
    threshold: NonZeroU64,
) -> Result<(), PublishError> {
    let id = key.key_id().map_err(|error| PublishError::Schema(Box::new(error)))?;
    root.keys.insert(id.clone(), key);
    let keys = RoleKeys { keyids: Vec::new(), threshold, _extra: HashMap::new() };
    root.roles.entry(role).or_insert(keys).keyids.push(id);
    Ok(())
}

/// Key files of the root that lie in `folder`, and those of keys that were retired: they sign what retires them.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn root_keys(
    folder: &Path,
    passphrase: &Passphrase,
) -> Result<Vec<Box<dyn KeySource>>, PublishError> {
    let mut keys: Vec<Box<dyn KeySource>> = Vec::new();
    for folder in [folder.to_owned(), folder.join(RETIRED)] {
        let mut names = Vec::new();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(&folder)(error)),
        };
        for entry in entries {
            let name = entry.map_err(at(&folder))?.file_name().to_string_lossy().into_owned();
            let stem = name.strip_suffix(".pem").or_else(|| name.strip_suffix(".signer.toml"));
            names.extend(stem.filter(|stem| stem.starts_with("root-")).map(str::to_owned));
        }
        names.sort();
        keys.extend(
            names.iter().map(|name| Box::new(KeyFile::of(&folder, name, passphrase)) as Box<dyn KeySource>),
        );
    }
    Ok(keys)
}

/// Signs with whatever keys there are, and writes the root under its number and as the current one.
fn write(folder: &Path, root: Root, signers: &[Box<dyn KeySource>]) -> Result<(), PublishError> {
    let signed = sign(root.clone(), root, signers)?;
    store(folder, &signed)
}

/// `root` with the signatures of those `signers` that `holder` knows as keys of the root.
pub(crate) fn sign(
    root: Root,
    holder: Root,
    signers: &[Box<dyn KeySource>],
) -> Result<Signed<Root>, PublishError> {
    let random = SystemRandom::new();
    let holder = KeyHolder::Root(holder);
    let signing = SignedRole::new(root, &holder, signers, &random);
    Ok(block_on(signing)?.map_err(tuf("the root cannot be signed"))?.signed().clone())
}

/// Writes a root under its number and as the current one.
pub(crate) fn store(folder: &Path, signed: &Signed<Root>) -> Result<(), PublishError> {
    for name in [format!("{}.{FILE}", signed.signed.version), FILE.to_owned()] {
        write_json(&folder.join(name), signed)?;
    }
    Ok(())
}

/// Writes a root as it is read.
pub(crate) fn write_json(path: &Path, signed: &Signed<Root>) -> Result<(), PublishError> {
    let unusable =
        |error: serde_json::Error| PublishError::Key { path: path.to_owned(), why: error.to_string() };
    let mut bytes = serde_json::to_vec_pretty(signed).map_err(unusable)?;
    bytes.push(b'\n');
    crate::files::write_whole(path, &bytes).map_err(at(path))
}

/// The current root of a folder.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn read(folder: &Path) -> Result<Signed<Root>, PublishError> {
    read_json(&folder.join(FILE))
}

/// A root in a file.
pub(crate) fn read_json(path: &Path) -> Result<Signed<Root>, PublishError> {
    let bytes = std::fs::read(path).map_err(at(path))?;
    let unusable =
        |error: serde_json::Error| PublishError::Key { path: path.to_owned(), why: error.to_string() };
    serde_json::from_slice(&bytes).map_err(unusable)
}

/// The time in so many days.
pub(crate) fn in_days(days: u32) -> Timestamp {
    let from = Timestamp::now();
    from.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}
