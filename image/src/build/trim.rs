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
    /// Nothing that the build runs reads these files: they are not even unpacked.
    #[serde(default)]
    early: bool,
    paths: Vec<String>,
}

/// The list; the default one is empty.
#[derive(Default)]
pub struct Trim {
    all: Vec<glob::Pattern>,
    early: Vec<glob::Pattern>,
}

const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Trim {
    /// Reads the list.
    ///
    /// # Errors
    /// When it cannot be read; names the mistake.
    pub fn load(path: &Path) -> Result<Self, BuildError> {
        let parts: BTreeMap<String, Part> = list(path)?;
        let mut trim = Self { all: Vec::new(), early: Vec::new() };
        for (part, text) in parts.values().flat_map(|part| part.paths.iter().map(move |text| (part, text))) {
            let pattern =
                glob::Pattern::new(text).map_err(|error| BuildError::Pattern(text.clone(), error))?;
            if part.early {
                trim.early.push(pattern.clone());
            }
            trim.all.push(pattern);
        }
        Ok(trim)
    }

    /// Whether a file need not be unpacked.
    #[must_use]
    pub fn is_early(&self, inside: &Path) -> bool {
        self.early.iter().any(|pattern| pattern.matches_path_with(inside, OPTIONS))
    }
}

/// Removes everything that matches, then folders that became empty. Returns the number of removed files.
///
/// # Errors
/// When the tree cannot be read.
pub fn apply(tree: &mut Tree, trim: &Trim) -> Result<usize, BuildError> {
    let mut removed = 0;
    for path in crate::files::walk(&tree.root).map_err(at(&tree.root))?.into_iter().rev() {
        let Ok(inside) = path.strip_prefix(&tree.root) else { continue };
        let is_folder = std::fs::symlink_metadata(&path).map_err(at(&path))?.is_dir();
        let matches = trim.all.iter().any(|pattern| pattern.matches_path_with(inside, OPTIONS));
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
