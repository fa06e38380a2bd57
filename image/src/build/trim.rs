//! Removes what an appliance does not need, by the reviewed list `image/trim.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::build::tree::Tree;
use crate::build::{BuildError, at, list};

/// A part of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Why the device does not need it. For readers of the list; a part without a reason is refused.
    #[serde(rename = "why")]
    _why: String,
    paths: Vec<String>,
}

/// Removes everything that matches, then folders that became empty. Returns the number of removed files.
///
/// # Errors
/// When the list or the tree cannot be read.
pub fn apply(tree: &mut Tree, path: &Path) -> Result<usize, BuildError> {
    let parts: BTreeMap<String, Part> = list(path)?;
    let mut patterns = Vec::new();
    for text in parts.values().flat_map(|part| &part.paths) {
        patterns.push(glob::Pattern::new(text).map_err(|error| BuildError::Pattern(text.clone(), error))?);
    }
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let mut removed = 0;
    for path in crate::files::walk(&tree.root).map_err(at(&tree.root))?.into_iter().rev() {
        let Ok(inside) = path.strip_prefix(&tree.root) else { continue };
        let is_folder = std::fs::symlink_metadata(&path).map_err(at(&path))?.is_dir();
        let matches = patterns.iter().any(|pattern| pattern.matches_path_with(inside, options));
        if is_folder && emptied(&path, matches).map_err(at(&path))? {
            std::fs::remove_dir(&path).map_err(at(&path))?;
        } else if !is_folder && matches {
            std::fs::remove_file(&path).map_err(at(&path))?;
            removed += 1;
        }
    }
    tree.forget_removed();
    Ok(removed)
}

/// An empty folder below `usr` or `etc` is of no use, nor is an empty one that the list names.
fn emptied(path: &Path, named: bool) -> std::io::Result<bool> {
    let text = path.to_string_lossy();
    Ok((named || text.contains("/usr/") || text.contains("/etc/"))
        && std::fs::read_dir(path)?.next().is_none())
}
