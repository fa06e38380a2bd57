//! Chooses kernel modules and firmware files by `image/modules.toml`, with everything that the chosen modules depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    /// By board: what the rescue system loads besides.
    pub rescue: BTreeMap<String, Modules>,
    /// In the root file system.
    pub system: Modules,
    /// In the emulator's part of the initramfs.
    pub emulator: Modules,
    /// Radios in the same part, for the tests that want them.
    pub air: Modules,
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
    modules: BTreeMap<String, Module>,
    builtin: BTreeSet<String>,
    may_lack: BTreeSet<String>,
}

/// A module's file.
struct Module {
    /// Relative to the kernel's folder.
    path: PathBuf,
    /// Its bytes, decompressed when they are first asked for.
    plain: OnceLock<Vec<u8>>,
}

/// The kernel counts `-` and `_` in module names as the same.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    canonical(name.split(".ko").next().unwrap_or(&name))
}

/// Folder of the modules in a tree, by release.
pub const MODULES: &str = "usr/lib/modules";

/// The release of the kernel in the tree.
///
/// # Errors
/// When there are modules of none or of several.
pub fn release(tree: &Tree) -> Result<String, BuildError> {
    let above = tree.path(MODULES);
    let mut found = std::fs::read_dir(&above).map_err(at(&above))?.flatten();
    let (Some(one), None) = (found.next(), found.next()) else {
        return Err(BuildError::Kernel(format!("{MODULES} with exactly one version")));
    };
    Ok(one.file_name().to_string_lossy().into_owned())
}

impl Kernel {
    /// Looks at the kernel in the tree. It may lack the modules of `may_lack`.
    ///
    /// # Errors
    /// When there is not exactly one kernel.
    pub fn look(tree: &Tree, may_lack: &[String]) -> Result<Self, BuildError> {
        let release = release(tree)?;
        let folder = tree.path(MODULES).join(&release);
        let mut modules = BTreeMap::new();
        for path in crate::files::walk(&folder).map_err(at(&folder))? {
            let Ok(inside) = path.strip_prefix(&folder) else { continue };
            let is_module = ["ko", "xz"].iter().any(|end| path.extension().is_some_and(|e| e == *end));
            if is_module {
                modules.insert(stem(&path), Module { path: inside.to_owned(), plain: OnceLock::new() });
            }
        }
        let path = folder.join("modules.builtin");
        let builtin = std::fs::read_to_string(&path).map_err(at(path))?;
        let builtin = builtin.lines().map(|line| stem(Path::new(line))).collect();
        let may_lack = may_lack.iter().map(|name| canonical(name)).collect();
        Ok(Self { release, folder, modules, builtin, may_lack })
    }

    /// The files of `wanted` and of what they need, in the order of loading, relative to the kernel's folder. A name
    /// without `*` must exist, as a module or built in.
    ///
    /// # Errors
    /// Names all modules that do not exist.
    pub fn choose(&self, wanted: &[String]) -> Result<Vec<PathBuf>, BuildError> {
        self.choose_by(wanted, &|module| needs(self.plain(module)?, &module.path))
    }

    fn choose_by(&self, wanted: &[String], needs: &Needs<'_>) -> Result<Vec<PathBuf>, BuildError> {
        let mut chosen = Vec::new();
        let mut seen = BTreeSet::new();
        let mut missing = Vec::new();
        for name in wanted {
            let text = canonical(name);
            let pattern =
                glob::Pattern::new(&text).map_err(|error| BuildError::Pattern(name.clone(), error))?;
            let matching: Vec<_> =
                self.modules.iter().filter(|(module, _)| pattern.matches(module)).collect();
            let known = self.builtin.contains(&text) || self.may_lack.contains(&text);
            let required = !name.contains(['*', '?', '[']) && !known;
            if matching.is_empty() && required {
                missing.push(name.clone());
            }
            for (name, _) in matching {
                self.with_needs(name, needs, &mut seen, &mut chosen)?;
            }
        }
        if missing.is_empty() { Ok(chosen) } else { Err(BuildError::NoModules(missing)) }
    }

    /// Appends what `name` needs, then itself, unless it was `seen`.
    fn with_needs<'a>(
        &'a self,
        name: &'a str,
        needs: &Needs<'_>,
        seen: &mut BTreeSet<String>,
        chosen: &mut Vec<PathBuf>,
    ) -> Result<(), BuildError> {
        // What a module needs may be built in.
        let Some(module) = self.modules.get(name).filter(|_| seen.insert(name.to_owned())) else {
            return Ok(());
        };
        for needed in needs(module)? {
            self.with_needs(&needed, needs, seen, chosen)?;
        }
        chosen.push(module.path.clone());
        Ok(())
    }

    /// A module's bytes, decompressed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, file: &Path) -> Result<&[u8], BuildError> {
        let found = self.modules.get(&stem(file));
        self.plain(found.ok_or_else(|| BuildError::NoModules(vec![file.display().to_string()]))?)
    }

    fn plain<'a>(&self, module: &'a Module) -> Result<&'a [u8], BuildError> {
        if let Some(plain) = module.plain.get() {
            return Ok(plain);
        }
        let path = self.folder.join(&module.path);
        let mut bytes = std::fs::read(&path).map_err(at(&path))?;
        if path.extension().is_some_and(|extension| extension == "xz") {
            let mut plain = Vec::new();
            std::io::copy(&mut liblzma::read::XzDecoder::new(&bytes[..]), &mut plain).map_err(at(&path))?;
            bytes = plain;
        }
        Ok(module.plain.get_or_init(|| bytes))
    }

    /// Removes every module of the tree but `keep`, and writes the kept ones decompressed: EROFS compresses them
    /// itself, and unchanged blocks stay unchanged between versions.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn reduce(&self, tree: &mut Tree, tools: &Tools, keep: &[PathBuf]) -> Result<(), BuildError> {
        let keep: BTreeSet<&PathBuf> = keep.iter().collect();
        for module in self.modules.values() {
            let path = &module.path;
            let file = self.folder.join(path);
            if keep.contains(path) {
                let bytes = self.plain(module)?;
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

/// Tells the names of the modules that a module needs.
type Needs<'a> = dyn Fn(&Module) -> Result<Vec<String>, BuildError> + 'a;

/// The modules that a module needs, as the kernel's build noted it: `depends=` in the section `.modinfo`
/// (scripts/mod/modpost.c, `add_depends`).
fn needs(bytes: &[u8], path: &Path) -> Result<Vec<String>, BuildError> {
    let damaged = || BuildError::Kernel(format!("readable module {}", path.display()));
    let elf = goblin::elf::Elf::parse(bytes).map_err(|_| damaged())?;
    let section = elf
        .section_headers
        .iter()
        .find(|header| elf.shdr_strtab.get_at(header.sh_name) == Some(".modinfo"))
        .and_then(|header| bytes.get(header.file_range()?))
        .ok_or_else(damaged)?;
    let depends = section.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"depends="));
    let names = String::from_utf8_lossy(depends.unwrap_or_default()).into_owned();
    Ok(names.split(',').filter(|name| !name.is_empty()).map(canonical).collect())
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
        let modules = ["drivers/md/dm-mod.ko", "drivers/md/dm-verity.ko", "net/xt_mark.ko"];
        let module =
            |path: &str| (stem(Path::new(path)), Module { path: path.into(), plain: OnceLock::new() });
        Kernel {
            release: "7".into(),
            folder: "/".into(),
            modules: modules.map(module).into_iter().collect(),
            builtin: BTreeSet::from(["fuse".to_owned()]),
            may_lack: BTreeSet::from(["rp1_pci".to_owned()]),
        }
    }

    #[test]
    fn what_a_module_needs_comes_first() {
        let needs = |module: &Module| {
            let verity = module.path.ends_with("dm-verity.ko");
            Ok(if verity { vec!["dm_mod".to_owned(), "builtin".to_owned()] } else { Vec::new() })
        };
        let wanted = ["dm-verity", "dm-mod", "xt_*", "fuse", "rp1-pci", "none_*"].map(str::to_owned);
        let chosen = kernel().choose_by(&wanted, &needs).unwrap();
        let names: Vec<String> = chosen.iter().map(|path| stem(path)).collect();
        assert_eq!(names, ["dm_mod", "dm_verity", "xt_mark"]);
    }

    #[test]
    fn a_missing_module_is_named() {
        let wanted = ["dm-verity".to_owned(), "warp-drive".to_owned()];
        let error = kernel().choose_by(&wanted, &|_| Ok(Vec::new())).unwrap_err().to_string();
        assert!(error.ends_with("warp-drive"), "{error}");
    }
}
