//! The root file system under construction: a folder, and for every path in it the package that it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::build::trim::Trim;
use crate::build::{BuildError, at};
use crate::deb;
use crate::fetch::Cache;
use crate::lock::{Lock, Package, Section};
use crate::ui::Ui;

/// The tree.
pub struct Tree {
    /// Its root folder.
    pub root: PathBuf,
    /// Origin of each file and link, by path without the leading `/`. Paths of ours are `tayberry`.
    pub origin: BTreeMap<PathBuf, String>,
    /// Hash of the archive that it is made of, where that is not Debian's packages ([`crate::build::base`]).
    pub base: Option<String>,
}

impl Tree {
    /// Unpacks the packages of `section` into `root`, two at a time. base-files goes first: it brings the links of
    /// merged-/usr. What `trim` names early stays out. No two packages hold the same file (Debian policy 10.1), so the order of the others is free.
    ///
    /// # Errors
    /// When a package is damaged or the folder cannot be written.
    pub fn unpack(
        (lock, section): (&Lock, Section),
        cache: &Cache,
        root: &Path,
        trim: &Trim,
        ui: Ui,
    ) -> Result<Self, BuildError> {
        std::fs::create_dir_all(root).map_err(at(root))?;
        let mut packages: Vec<&Package> = lock.section(section).collect();
        packages.sort_by_key(|package| (package.name != "base-files", std::cmp::Reverse(package.size)));
        let stage = ui.stage("unpack", Some(packages.iter().map(|package| package.size).sum()));
        let mut origin = BTreeMap::new();
        let one = |package: &Package| -> Result<Vec<PathBuf>, BuildError> {
            let paths = deb::unpack(&cache.check(package)?, root, &|inside| trim.is_early(inside))?;
            stage.add(package.size);
            Ok(paths)
        };
        let mut rest = packages.iter().copied();
        if let Some(first) = rest.next() {
            origin.extend(one(first)?.into_iter().map(|path| (path, first.name.clone())));
        }
        let queue = Mutex::new(rest);
        let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
        let worker = || -> Result<Vec<(PathBuf, String)>, BuildError> {
            let mut found = Vec::new();
            while let Some(package) = next() {
                found.extend(one(package)?.into_iter().map(|path| (path, package.name.clone())));
            }
            Ok(found)
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads()).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Ok(Vec::new()))).collect()
        });
        for found in results {
            origin.extend(found?);
        }
        stage.finish(&format!("{} packages, {} files", packages.len(), origin.len()));
        Ok(Self { root: root.to_owned(), origin, base: None })
    }

    /// Path of a file in the tree.
    #[must_use]
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// Writes a file of ours.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&mut self, inside: impl AsRef<Path>, bytes: &[u8]) -> Result<(), BuildError> {
        let path = self.make_way(inside.as_ref())?;
        std::fs::write(&path, bytes).map_err(at(path))
    }

    /// Makes a symbolic link of ours, in place of whatever was there.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn link(&mut self, inside: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<(), BuildError> {
        let path = self.make_way(inside.as_ref())?;
        std::os::unix::fs::symlink(target, &path).map_err(at(path))
    }

    /// Makes sure that a folder exists. None of a link that leads out of the tree: the image of a registry may hold one.
    ///
    /// # Errors
    /// When there is such a link, or it cannot be made.
    pub fn folder(&self, inside: &Path) -> Result<PathBuf, BuildError> {
        std::fs::create_dir_all(&self.root).map_err(at(&self.root))?;
        let root = self.root.canonicalize().map_err(at(&self.root))?;
        let mut path = self.root.clone();
        for part in inside.components() {
            path.push(part);
            if !path.is_dir() {
                std::fs::create_dir(&path).map_err(at(&path))?;
            }
            let real = path.canonicalize().map_err(at(&path))?;
            if !real.starts_with(&root) {
                return Err(at(&path)(std::io::Error::other("a link leads out of the tree")));
            }
        }
        Ok(path)
    }

    /// Makes sure that the folder exists and that nothing is at `inside`; notes it as ours.
    fn make_way(&mut self, inside: &Path) -> Result<PathBuf, BuildError> {
        let path = self.path(inside);
        if let Some(parent) = inside.parent() {
            self.folder(parent)?;
        }
        if std::fs::symlink_metadata(&path).is_ok() {
            std::fs::remove_file(&path).map_err(at(&path))?;
        }
        self.origin.insert(inside.to_owned(), crate::build::overlay::OURS.to_owned());
        Ok(path)
    }

    /// Forgets the origin of everything that is no longer there.
    pub fn forget_removed(&mut self) {
        let root = self.root.clone();
        self.origin.retain(|path, _| std::fs::symlink_metadata(root.join(path)).is_ok());
    }
}

/// Threads for work that a processor limits.
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_that_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let mut tree = Tree { root: root.clone(), origin: BTreeMap::new(), base: None };
        tree.write("usr/share/one", b"1").unwrap();
        std::os::unix::fs::symlink("usr", root.join("inside")).unwrap();
        tree.write("inside/share/two", b"2").unwrap();
        assert_eq!(std::fs::read(root.join("usr/share/two")).unwrap(), b"2");
        let outside = folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("etc")).unwrap();
        tree.write("etc/passwd", b"root").unwrap_err();
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}
