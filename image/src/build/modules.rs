//! Chooses kernel modules and firmware files by `image/modules.toml`, with everything that the chosen modules depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::build::tree::Tree;
use crate::build::{BuildError, at, list};
use crate::tools::{Tools, execute};

/// `image/modules.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    /// By board; `all` is for every board.
    pub initramfs: BTreeMap<String, Modules>,
    /// In the root file system.
    pub system: Modules,
    /// In the emulator's part of the initramfs.
    pub emulator: Modules,
    /// Firmware files.
    pub firmware: Firmware,
}

/// Names, in the order of loading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// Names without `.ko`, possibly with `*`.
    pub modules: Vec<String>,
}

/// Files below `usr/lib/firmware`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// Paths with `*`.
    pub files: Vec<String>,
}

impl Lists {
    /// Reads the file.
    ///
    /// # Errors
    /// Names line and column of a mistake.
    pub fn load(path: &Path) -> Result<Self, BuildError> {
        list(path)
    }
}

/// All modules of the kernel package.
pub struct Kernel {
    /// Its release, such as `7.2.12+deb13-arm64`.
    pub release: String,
    /// `usr/lib/modules/RELEASE` in the tree.
    pub folder: PathBuf,
    /// Each module's file and what it needs, relative to `folder`, in the order of loading.
    modules: BTreeMap<String, (PathBuf, Vec<PathBuf>)>,
    builtin: BTreeSet<String>,
}

/// The kernel counts `-` and `_` in module names as the same.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    canonical(name.split(".ko").next().unwrap_or(&name))
}

impl Kernel {
    /// Looks at the kernel in the tree: runs `depmod` over all of its modules and reads what depends on what.
    ///
    /// # Errors
    /// When there is not exactly one kernel.
    pub fn look(tree: &Tree, tools: &Tools) -> Result<Self, BuildError> {
        let above = tree.path("usr/lib/modules");
        let mut found = std::fs::read_dir(&above).map_err(at(&above))?.flatten();
        let (Some(one), None) = (found.next(), found.next()) else {
            return Err(BuildError::Kernel("usr/lib/modules with exactly one version".into()));
        };
        let release = one.file_name().to_string_lossy().into_owned();
        depmod(tree, tools, &release)?;
        let folder = one.path();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(at(folder.join(name)));
        let mut modules = BTreeMap::new();
        for line in read("modules.dep")?.lines() {
            let Some((path, needs)) = line.split_once(':') else { continue };
            // depmod lists what is needed first last.
            let needs = needs.split_ascii_whitespace().rev().map(PathBuf::from).collect();
            modules.insert(stem(Path::new(path)), (PathBuf::from(path), needs));
        }
        let builtin = read("modules.builtin")?.lines().map(|line| stem(Path::new(line))).collect();
        Ok(Self { release, folder, modules, builtin })
    }

    /// The files of `wanted` and of what they need, in the order of loading, relative to the kernel's folder. A name
    /// without `*` must exist, as a module or built in.
    ///
    /// # Errors
    /// Names all modules that do not exist.
    pub fn choose(&self, wanted: &[String]) -> Result<Vec<PathBuf>, BuildError> {
        let mut chosen: Vec<PathBuf> = Vec::new();
        let mut missing = Vec::new();
        for name in wanted {
            let text = canonical(name);
            let pattern =
                glob::Pattern::new(&text).map_err(|error| BuildError::Pattern(name.clone(), error))?;
            let matching: Vec<_> =
                self.modules.iter().filter(|(module, _)| pattern.matches(module)).collect();
            let required = !name.contains(['*', '?', '[']) && !self.builtin.contains(&text);
            if matching.is_empty() && required {
                missing.push(name.clone());
            }
            for (_, (path, needs)) in matching {
                for file in needs.iter().chain([path]) {
                    if !chosen.contains(file) {
                        chosen.push(file.clone());
                    }
                }
            }
        }
        if missing.is_empty() { Ok(chosen) } else { Err(BuildError::NoModules(missing)) }
    }

    /// A module's bytes, decompressed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, file: &Path) -> Result<Vec<u8>, BuildError> {
        let path = self.folder.join(file);
        let bytes = std::fs::read(&path).map_err(at(&path))?;
        if path.extension().is_none_or(|extension| extension != "xz") {
            return Ok(bytes);
        }
        let mut out = Vec::new();
        std::io::copy(&mut liblzma::read::XzDecoder::new(&bytes[..]), &mut out).map_err(at(&path))?;
        Ok(out)
    }

    /// Removes every module of the tree but `keep`, and writes the kept ones decompressed: EROFS compresses them
    /// itself, and unchanged blocks stay unchanged between versions.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn reduce(&self, tree: &mut Tree, tools: &Tools, keep: &[PathBuf]) -> Result<(), BuildError> {
        for (path, _) in self.modules.values() {
            let file = self.folder.join(path);
            if keep.contains(path) {
                let bytes = self.read(path)?;
                let plain = file.with_extension("");
                if file.extension().is_some_and(|extension| extension == "xz") {
                    std::fs::write(&plain, bytes).map_err(at(&plain))?;
                    let inside = |path: &Path| path.strip_prefix(&tree.root).unwrap_or(path).to_owned();
                    if let Some(package) = tree.origin.get(&inside(&file)).cloned() {
                        tree.origin.insert(inside(&plain), package);
                    }
                } else {
                    continue;
                }
            }
            std::fs::remove_file(&file).map_err(at(&file))?;
        }
        tree.forget_removed();
        depmod(tree, tools, &self.release)
    }
}

/// Runs `depmod` over the tree.
///
/// # Errors
/// With depmod's own words.
pub fn depmod(tree: &Tree, tools: &Tools, release: &str) -> Result<(), BuildError> {
    execute(
        tools.command("depmod").arg("-b").arg(&tree.root).arg("-m").arg("/usr/lib/modules").arg(release),
    )?;
    Ok(())
}

/// Removes every firmware file that the list does not name. Links are kept when they lead to a kept file.
///
/// # Errors
/// When a file cannot be removed.
pub fn reduce_firmware(tree: &mut Tree, firmware: &Firmware) -> Result<(), BuildError> {
    let root = tree.path("usr/lib/firmware");
    let patterns = firmware
        .files
        .iter()
        .map(|text| glob::Pattern::new(text).map_err(|error| BuildError::Pattern(text.clone(), error)))
        .collect::<Result<Vec<_>, _>>()?;
    let all = crate::files::walk(&root).map_err(at(&root))?;
    let named = |path: &Path| {
        let inside = path.strip_prefix(&root).unwrap_or(path);
        patterns.iter().any(|pattern| pattern.matches_path(inside))
    };
    let mut keep: BTreeSet<PathBuf> = all.iter().filter(|path| named(path)).cloned().collect();
    let targets: Vec<PathBuf> = keep.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    keep.extend(targets);
    for path in all.iter().filter(|path| !path.is_dir() || path.is_symlink()) {
        if !keep.contains(path) {
            std::fs::remove_file(path).map_err(at(path))?;
        }
    }
    tree.forget_removed();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        let module =
            |path: &str, needs: &[&str]| (PathBuf::from(path), needs.iter().map(PathBuf::from).collect());
        let modules = [
            ("dm_mod", module("drivers/md/dm-mod.ko", &[])),
            ("dm_verity", module("drivers/md/dm-verity.ko", &["drivers/md/dm-mod.ko"])),
            ("xt_mark", module("net/xt_mark.ko", &[])),
        ];
        Kernel {
            release: "7".into(),
            folder: "/".into(),
            modules: modules.map(|(name, module)| (name.to_owned(), module)).into_iter().collect(),
            builtin: BTreeSet::from(["fuse".to_owned()]),
        }
    }

    #[test]
    fn what_a_module_needs_comes_first() {
        let chosen =
            kernel().choose(&["dm-verity".into(), "xt_*".into(), "fuse".into(), "none_*".into()]).unwrap();
        let names: Vec<String> = chosen.iter().map(|path| stem(path)).collect();
        assert_eq!(names, ["dm_mod", "dm_verity", "xt_mark"]);
    }

    #[test]
    fn a_missing_module_is_named() {
        let error = kernel().choose(&["dm-verity".into(), "warp-drive".into()]).unwrap_err().to_string();
        assert!(error.ends_with("warp-drive"), "{error}");
    }
}
