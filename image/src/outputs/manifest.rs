//! `manifest.json`: every file with its origin, size and hash; what the image is made of and what identifies it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::build::{BuildError, at, packages};
use crate::outputs::{Facts, Written};

/// Version of the manifest's format.
const FORMAT: u32 = 1;

/// Builds the manifest.
///
/// # Errors
/// When a file of the tree cannot be read.
pub fn build(facts: &Facts<'_>, cmdline: &str, written: &Written) -> Result<Value, BuildError> {
    let mut files = Vec::new();
    for (inside, package) in &facts.tree.origin {
        let path = facts.tree.path(inside);
        let meta = std::fs::symlink_metadata(&path).map_err(at(&path))?;
        files.push(if meta.is_symlink() {
            let target = std::fs::read_link(&path).map_err(at(&path))?;
            json!({ "path": inside, "package": package, "link": target })
        } else {
            let mode = format!("{:04o}", meta.permissions().mode() & 0o7777);
            let hash = crate::files::sha256(&path).map_err(at(&path))?;
            json!({ "path": inside, "package": package, "bytes": meta.len(), "mode": mode, "sha256": hash })
        });
    }
    let boot: Vec<Value> = facts
        .boot
        .list(cmdline)
        .iter()
        .map(|file| json!({ "path": file.path, "bytes": file.data.len(), "sha256": hex::encode(Sha256::digest(file.data)) }))
        .collect();
    let contents = packages::of(facts.tree, facts.config, facts.lock, facts.release)?;
    Ok(json!({
        "format": FORMAT,
        "name": facts.config.image.name,
        "version": facts.config.image.version,
        "epoch": facts.lock.epoch,
        "kernel": {
            "flavour": facts.config.image.kernel, "release": facts.release, "page_size": facts.kernel.page_size,
        },
        "root_hash": written.root_hash,
        "system": { "bytes": written.system_bytes, "data_blocks": facts.hash_tree.data_blocks },
        "disk": { "bytes": written.disk_bytes, "sha256": written.disk_sha256 },
        "image": { "bytes": written.image_bytes, "sha256": written.image_sha256 },
        "data_formats": facts.config.data_formats(),
        "stand_ins": facts.config.container.iter().filter(|(_, one)| one.stands_in_for.is_some()).map(|(name, _)| name).collect::<Vec<_>>(),
        "own_bytes": contents.own_bytes,
        "packages": contents.packages,
        "boot": boot,
        "files": files,
    }))
}
