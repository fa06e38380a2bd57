//! A successor of the root: keys are replaced, and as many holders as the threshold says sign that. Until they have, it is a
//! draft that devices never see; it can be carried from one holder to the next.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tough::schema::{RoleType, Root, Signed};

use crate::publish::keys::{self, KeyFile, Passphrase};
use crate::publish::root::{self, FILE, RETIRED, SINGLE};
use crate::publish::{PublishError, at};

/// Name of the draft.
const DRAFT: &str = "next.root.json";

/// Where a successor is.
#[derive(Debug, Serialize)]
pub struct Successor {
    /// Its version.
    pub version: u64,
    /// Its file: the draft, or the current root once it has enough signatures.
    pub file: PathBuf,
    /// Signatures that it has.
    pub signatures: usize,
    /// What is missing; none once it is the current root.
    pub missing: Option<String>,
    /// Keys that were made.
    pub keys: Vec<PathBuf>,
}

/// Replaces the keys called `names` (`targets`, `snapshot`, `timestamp`, `root-1`), begins a successor, and signs it with the
/// keys that lie in `folder`.
///
/// # Errors
/// When a draft is under way, a key cannot be opened, or a file not written.
pub fn rotate(
    folder: &Path,
    names: &[String],
    days: u32,
    passphrase: &Passphrase,
) -> Result<Successor, PublishError> {
    let draft = folder.join(DRAFT);
    if draft.exists() {
        return Err(PublishError::Exists(draft));
    }
    let mut next = root::read(folder)?.signed;
    next.version = next.version.saturating_add(1);
    next.expires = root::in_days(days);
    // Each is opened before the first is moved: a wrong passphrase changes nothing.
    let files = names.iter().map(|name| KeyFile::of(folder, name, passphrase));
    let old = files.map(|file| file.open()).collect::<Result<Vec<_>, _>>()?;
    let mut made = Vec::new();
    for (name, old) in names.iter().zip(old) {
        let id = old.tuf_key().key_id().map_err(|error| PublishError::Schema(Box::new(error)))?;
        let role = role(name);
        let holder = next.roles.get_mut(&role).filter(|keys| keys.keyids.contains(&id));
        let threshold = match holder {
            Some(keys) => {
                keys.keyids.retain(|other| *other != id);
                keys.threshold
            }
            None => return Err(PublishError::NotAKey(name.clone())),
        };
        let used = next.roles.values().any(|keys| keys.keyids.contains(&id));
        if !used {
            next.keys.remove(&id);
        }
        retire(folder, name, next.version)?;
        let path = folder.join(format!("{name}.pem"));
        root::grant(&mut next, role, keys::make(&path, passphrase)?, threshold)?;
        made.push(path);
    }
    root::write_json(&draft, &Signed { signed: next, signatures: Vec::new() })?;
    Ok(Successor { keys: made, ..sign(folder, passphrase)? })
}

fn role(name: &str) -> RoleType {
    SINGLE.iter().find(|(_, other)| *other == name).map_or(RoleType::Root, |(role, _)| *role)
}

/// Moves a key file aside: it still signs what retires it.
fn retire(folder: &Path, name: &str, version: NonZeroU64) -> Result<(), PublishError> {
    let retired = folder.join(RETIRED);
    std::fs::create_dir_all(&retired).map_err(at(&retired))?;
    for end in ["pem", "signer.toml"] {
        let from = folder.join(format!("{name}.{end}"));
        if from.exists() {
            std::fs::rename(&from, retired.join(format!("{name}-before-{version}.{end}")))
                .map_err(at(&from))?;
        }
    }
    Ok(())
}

/// Adds the signatures of the keys that lie in `folder` to the draft there. With enough of them it becomes the current root.
///
/// # Errors
/// When there is no draft, or a key cannot be opened.
pub fn sign(folder: &Path, passphrase: &Passphrase) -> Result<Successor, PublishError> {
    let draft = folder.join(DRAFT);
    let old = root::read(folder)?.signed;
    let mut next = root::read_json(&draft)?;
    let signers = root::root_keys(folder, passphrase)?;
    if !signers.is_empty() {
        let fresh = root::sign(next.signed.clone(), both(&old, &next.signed), &signers)?;
        for signature in fresh.signatures {
            if !next.signatures.iter().any(|held| held.keyid == signature.keyid) {
                next.signatures.push(signature);
            }
        }
    }
    let mut successor = Successor {
        version: next.signed.version.get(),
        file: draft.clone(),
        signatures: next.signatures.len(),
        missing: missing(&old, &next),
        keys: Vec::new(),
    };
    if successor.missing.is_some() {
        root::write_json(&draft, &next)?;
    } else {
        root::store(folder, &next)?;
        std::fs::remove_file(&draft).map_err(at(&draft))?;
        successor.file = folder.join(FILE);
    }
    Ok(successor)
}

/// A holder of all keys of both roots.
fn both(old: &Root, next: &Root) -> Root {
    let mut both = next.clone();
    both.keys.extend(old.keys.iter().map(|(id, key)| (id.clone(), key.clone())));
    if let (Some(ours), Some(theirs)) = (both.roles.get_mut(&RoleType::Root), old.roles.get(&RoleType::Root))
    {
        let new: Vec<_> = theirs.keyids.iter().filter(|id| !ours.keyids.contains(id)).cloned().collect();
        ours.keyids.extend(new);
    }
    both
}

/// What is missing before devices follow: the old root's threshold, and the new one's.
fn missing(old: &Root, next: &Signed<Root>) -> Option<String> {
    let lacks = |holder: &Root| {
        let keys = holder.roles.get(&RoleType::Root)?;
        let held =
            next.signatures.iter().filter(|signature| keys.keyids.contains(&signature.keyid)).count() as u64;
        let good = holder.verify_role(next).is_ok();
        (!good).then(|| format!("{held} of {} signatures", keys.threshold))
    };
    match (lacks(old), lacks(&next.signed)) {
        (None, None) => None,
        (Some(old), None) => Some(format!("{old} by keys of the root before")),
        (None, Some(new)) => Some(format!("{new} by its own keys")),
        (Some(old), Some(new)) => Some(format!("{old} by keys of the root before, {new} by its own keys")),
    }
}
