//! The shared libraries that a program of ours needs, found in the tree as the dynamic loader finds them on the device.

use std::collections::BTreeSet;
use std::path::Path;

use crate::build::{BuildError, at};

/// Where the dynamic loader looks (ld.so(8)).
pub(crate) const FOLDERS: [&str; 2] = ["usr/lib/aarch64-linux-gnu", "usr/lib"];

/// Adds the paths of the loader and of all libraries that `program` needs, and of what these need. The loader comes under the
/// name that programs have for it, without the links of the tree.
///
/// # Errors
/// When one is damaged or missing.
pub(crate) fn needed(
    root: &Path,
    program: &Path,
    bytes: &[u8],
    found: &mut BTreeSet<String>,
) -> Result<(), BuildError> {
    let damaged = || BuildError::Incomplete(vec![format!("{}: it is no program", program.display())]);
    let elf = goblin::elf::Elf::parse(bytes).map_err(|_| damaged())?;
    found.extend(elf.interpreter.map(|path| path.trim_start_matches('/').to_owned()));
    for library in elf.libraries {
        let places = FOLDERS.map(|folder| format!("{folder}/{library}"));
        let Some(place) = places.into_iter().find(|place| root.join(place).exists()) else {
            let missing = format!("{}: the library {library}", program.display());
            return Err(BuildError::Incomplete(vec![missing]));
        };
        if !library.starts_with("ld-linux") && found.insert(place.clone()) {
            let path = root.join(&place);
            needed(root, &path, &std::fs::read(&path).map_err(at(&path))?, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let own = std::env::current_exe().unwrap();
        let bytes = std::fs::read(&own).unwrap();
        let empty = tempfile::tempdir().unwrap();
        let error = needed(empty.path(), &own, &bytes, &mut BTreeSet::new()).unwrap_err().to_string();
        assert!(error.contains("the library lib"), "{error}");
        let folder = empty.path().join(FOLDERS[0]);
        std::fs::create_dir_all(&folder).unwrap();
        // Each of them is there, and needs nothing.
        let elf = goblin::elf::Elf::parse(&bytes).unwrap();
        for library in &elf.libraries {
            std::fs::write(folder.join(library), &bytes[..0]).unwrap();
        }
        let error = needed(empty.path(), &own, &bytes, &mut BTreeSet::new()).unwrap_err().to_string();
        assert!(error.contains("no program"), "{error}");
    }
}
