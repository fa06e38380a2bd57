//! Puts the list of packages into the tree, where the root hash vouches for it.

use std::collections::BTreeMap;
use std::path::Path;

use tayberry_format::packages::{Contents, FORMAT, PATH, Package};

use crate::build::base::BASE;
use crate::build::overlay::OURS;
use crate::build::tree::Tree;
use crate::build::{BuildError, at};
use crate::config::Config;
use crate::lock::{Lock, Section};

/// What the tree is made of. The list itself does not count.
///
/// # Errors
/// When a file of the tree cannot be read.
pub fn of(tree: &Tree, config: &Config, lock: &Lock, release: &str) -> Result<Contents, BuildError> {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for (inside, package) in tree.origin.iter().filter(|(inside, _)| inside.as_path() != Path::new(PATH)) {
        let path = tree.path(inside);
        *sizes.entry(package).or_default() += std::fs::symlink_metadata(&path).map_err(at(&path))?.len();
    }
    let of_size = |name: &str, version: &str, architecture: &str, source: &str| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: architecture.to_owned(),
        source: source.to_owned(),
        bytes: sizes.get(name).copied().unwrap_or(0),
    };
    let mut packages: Vec<Package> = match &tree.base {
        Some(hash) => vec![of_size(BASE, hash, "arm64", BASE)],
        None => lock
            .section(Section::System)
            .map(|one| of_size(&one.name, &one.version, &one.architecture, &one.source))
            .collect(),
    };
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Contents {
        format: FORMAT,
        name: config.image.name.clone(),
        version: config.image.version.clone(),
        kernel: release.to_owned(),
        own_bytes: sizes.get(OURS).copied().unwrap_or(0),
        packages,
    })
}

/// Writes the list.
///
/// # Errors
/// When the tree cannot be read or written.
pub fn write(tree: &mut Tree, config: &Config, lock: &Lock, release: &str) -> Result<(), BuildError> {
    let contents = of(tree, config, lock, release)?;
    let json = serde_json::to_vec_pretty(&contents).map_err(|error| at(PATH)(error.into()))?;
    tree.write(PATH, &json)
}
