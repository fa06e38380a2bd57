//! Maintainer scripts: never run, so somebody has to have read them. `reviewed-scripts.toml` holds what was read;
//! a package whose scripts differ from it is shown as a difference.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LockError, Package};
use crate::deb::{self, DebError};

/// The scripts that somebody has read, by package.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reviewed(BTreeMap<String, String>);

/// A package whose scripts nobody has read in this form.
#[derive(Debug, Clone)]
pub struct Unreviewed {
    /// Its name.
    pub name: String,
    /// The scripts as they are now.
    pub now: String,
    /// The difference to what was read, in unified form.
    pub difference: String,
}

impl Reviewed {
    /// Reads the file; a missing one means that nothing was read.
    ///
    /// # Errors
    /// When it cannot be read or is not TOML.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| LockError::Parse { path: path.to_owned(), error: Box::new(error) }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LockError::Io { path: path.to_owned(), error }),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LockError> {
        let head = "# The maintainer scripts that were read, without comments. They never run: what matters of them is\n\
                    # done by image/src/build or by a file in overlays/. Written by `tayberry lock --accept-scripts`.\n";
        let text = format!("{head}{}", toml::to_string_pretty(self)?);
        crate::files::write_whole(path, text.as_bytes())
            .map_err(|error| LockError::Io { path: path.to_owned(), error })
    }

    /// The difference of one package's scripts, if nobody has read them in this form.
    #[must_use]
    pub fn judge(&self, name: &str, now: &str) -> Option<Unreviewed> {
        let before = self.0.get(name).map_or("", String::as_str);
        (before != now).then(|| Unreviewed {
            name: name.to_owned(),
            now: now.to_owned(),
            difference: similar::TextDiff::from_lines(before, now)
                .unified_diff()
                .header(&format!("{name} as reviewed"), &format!("{name} now"))
                .to_string(),
        })
    }

    /// Takes `packages` as read and forgets those that are no longer `present`.
    pub fn accept(&mut self, packages: Vec<Unreviewed>, present: &[Package]) {
        for Unreviewed { name, now, .. } in packages {
            if now.is_empty() {
                self.0.remove(&name);
            } else {
                self.0.insert(name, now);
            }
        }
        self.0.retain(|name, _| {
            present.iter().any(|package| package.section.is_of_the_device() && package.name == *name)
        });
    }
}

/// Notes the hash of each package's scripts in the lock; returns the device's packages whose scripts are unread.
///
/// # Errors
/// When a package cannot be read.
pub fn note(
    packages: &mut [Package],
    reviewed: &Reviewed,
    file_of: impl Fn(&Package) -> std::path::PathBuf,
) -> Result<Vec<Unreviewed>, DebError> {
    let mut unread = Vec::new();
    for package in packages {
        let now = deb::scripts(&file_of(package))?;
        package.scripts = (!now.is_empty()).then(|| hex::encode(Sha256::digest(&now)));
        if package.section.is_of_the_device() {
            unread.extend(reviewed.judge(&package.name, &now));
        }
    }
    Ok(unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_script_is_shown_as_a_difference() {
        let mut reviewed = Reviewed::default();
        let unread = reviewed.judge("bash", "== postinst\nset -e\n").unwrap();
        reviewed.accept(vec![unread], &[]);
        assert!(reviewed.0.is_empty(), "a package that is not present is forgotten");
        reviewed.0.insert("bash".into(), "== postinst\nset -e\n".into());
        assert!(reviewed.judge("bash", "== postinst\nset -e\n").is_none());
        let difference = reviewed.judge("bash", "== postinst\nset -e\nrm -rf /\n").unwrap().difference;
        assert!(difference.contains("+rm -rf /"), "{difference}");
    }
}
