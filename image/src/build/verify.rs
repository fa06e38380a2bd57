//! Checks that nothing in the tree lacks what it needs: libraries, interpreters, the programs of units, modules' symbols,
//! targets of links. The build fails and names what is missing.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::build::tree::Tree;
use crate::build::{BuildError, at, libraries};
use crate::tools::{Tools, execute};

/// Where systemd looks for a program without a path (systemd.service(5)).
const PROGRAMS: [&str; 4] = ["usr/local/bin", "usr/bin", "usr/local/sbin", "usr/sbin"];
/// Folders whose contents only exist on a running device.
const LATER: [&str; 5] = ["run", "proc", "sys", "dev", "var"];

/// Checks the whole tree.
///
/// # Errors
/// Names everything that is missing.
pub fn check(tree: &Tree) -> Result<(), BuildError> {
    let mut missing = Vec::new();
    for path in crate::files::walk(&tree.root).map_err(at(&tree.root))? {
        let Ok(inside) = path.strip_prefix(&tree.root) else { continue };
        let meta = fs::symlink_metadata(&path).map_err(at(&path))?;
        if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(at(&path))?;
            if !exists(&tree.root, &inside.parent().unwrap_or(Path::new("")).join(&target)) {
                missing.push(format!("{}: its target {}", inside.display(), target.display()));
            }
        } else if meta.is_file() {
            let bytes = fs::read(&path).map_err(at(&path))?;
            missing
                .extend(file(&tree.root, inside, &bytes).map(|what| format!("{}: {what}", inside.display())));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(BuildError::Incomplete(missing)) }
}

/// What one file lacks.
fn file(root: &Path, inside: &Path, bytes: &[u8]) -> impl Iterator<Item = String> {
    let mut lacks = Vec::new();
    if bytes.starts_with(b"\x7fELF") && inside.extension().is_none_or(|extension| extension != "ko") {
        lacks = elf(root, inside, bytes);
    } else if bytes.starts_with(b"#!") {
        lacks.extend(interpreter(root, bytes));
    }
    let is_unit = inside.starts_with("usr/lib/systemd/system") || inside.starts_with("etc/systemd/system");
    if is_unit && inside.extension().is_some_and(|extension| extension == "service") {
        lacks.extend(unit(root, &String::from_utf8_lossy(bytes)));
    }
    lacks.into_iter()
}

fn elf(root: &Path, inside: &Path, bytes: &[u8]) -> Vec<String> {
    let Ok(elf) = goblin::elf::Elf::parse(bytes) else { return vec!["it is damaged".into()] };
    if elf.header.e_machine != goblin::elf::header::EM_AARCH64 {
        return vec!["it is for another processor".into()];
    }
    let origin = Path::new("/").join(inside.parent().unwrap_or(Path::new("")));
    let own = elf.runpaths.iter().chain(&elf.rpaths).flat_map(|paths| paths.split(':'));
    let own = own.map(|path| PathBuf::from(path.replace("$ORIGIN", &origin.to_string_lossy())));
    // A library in a private folder is only loaded by programs that have loaded its neighbours.
    let places: Vec<PathBuf> =
        own.chain([origin.clone()]).chain(libraries::FOLDERS.map(PathBuf::from)).collect();
    let lacking = elf.libraries.iter().filter(|library| {
        !library.starts_with("ld-linux") && !places.iter().any(|place| exists(root, &place.join(library)))
    });
    let mut lacks: Vec<String> = lacking.map(|library| format!("the library {library}")).collect();
    lacks.extend(
        elf.interpreter.filter(|loader| !exists(root, Path::new(loader))).map(|l| format!("the loader {l}")),
    );
    lacks
}

fn interpreter(root: &Path, bytes: &[u8]) -> Option<String> {
    let line = bytes[2..].split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    let wanted = if first.ends_with("/env") { words.find(|word| !word.starts_with('-'))? } else { first };
    (!program_exists(root, wanted)).then(|| format!("the interpreter {wanted}"))
}

/// The programs of a unit; a leading `-` says that systemd does without.
fn unit(root: &Path, text: &str) -> Vec<String> {
    let commands = text.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        key.starts_with("Exec").then_some(value.trim())
    });
    let required = commands.filter(|value| !value.is_empty() && !value.starts_with('-'));
    let programs = required.filter_map(|value| {
        value.trim_start_matches(['@', ':', '+', '!', '|']).split_ascii_whitespace().next()
    });
    let lacking = programs.filter(|program| !program.contains(['%', '$']) && !program_exists(root, program));
    lacking.map(|program| format!("its program {program}")).collect()
}

fn program_exists(root: &Path, program: &str) -> bool {
    if program.starts_with('/') {
        return exists(root, Path::new(program));
    }
    PROGRAMS.iter().any(|folder| exists(root, &Path::new(folder).join(program)))
}

/// Whether a path exists on the device: links are followed inside the tree. What only a running device has counts as
/// there.
fn exists(root: &Path, path: &Path) -> bool {
    let mut todo: Vec<PathBuf> = vec![path.to_owned()];
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(next) = todo.pop() {
        let mut parts = next.components();
        let Some(part) = parts.next() else { continue };
        let rest = parts.as_path().to_owned();
        if rest.components().next().is_some() {
            todo.push(rest);
        }
        match part {
            Component::RootDir => at = PathBuf::new(),
            Component::ParentDir => drop(at.pop()),
            Component::Normal(name) => at.push(name),
            Component::CurDir | Component::Prefix(_) => {}
        }
        if LATER.iter().any(|folder| at.starts_with(folder)) {
            return true;
        }
        let Ok(meta) = fs::symlink_metadata(root.join(&at)) else { return false };
        if meta.is_symlink() {
            links += 1;
            let Ok(target) = fs::read_link(root.join(&at)) else { return false };
            if links > 40 {
                return false;
            }
            at.pop();
            todo.push(target);
        }
    }
    true
}

/// Lets `depmod` compare every module's symbols with those that the kernel exports, by the headers' `Module.symvers`.
///
/// # Errors
/// Names the modules that need symbols which nothing has.
pub fn symbols(tree: &Tree, tools: &Tools, release: &str) -> Result<(), BuildError> {
    let exported = tools.root().join(format!("usr/src/linux-headers-{release}/Module.symvers"));
    let mut command = tools.command("depmod");
    command.args(["-n", "-e", "-E"]).arg(exported).arg("-b").arg(&tree.root).args([
        "-m",
        "/usr/lib/modules",
        release,
    ]);
    let output = command.output().map_err(at("depmod"))?;
    if !output.status.success() {
        execute(&mut command)?;
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let unknown: Vec<String> =
        words.lines().filter(|l| l.contains("unknown symbol")).map(str::to_owned).collect();
    if unknown.is_empty() { Ok(()) } else { Err(BuildError::Incomplete(unknown)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs::write(folder.path().join("usr/bin/sh"), "").unwrap();
        std::os::unix::fs::symlink("usr/bin", folder.path().join("bin")).unwrap();
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        folder
    }

    #[test]
    fn links_are_followed_inside_the_tree() {
        let folder = tree();
        let has = |path: &str| exists(folder.path(), Path::new(path));
        assert!(has("/bin/sh") && has("usr/bin/../bin/sh") && has("/run/anything"));
        assert!(!has("/bin/bash") && !has("/loop") && !has("/../etc/passwd"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tree();
        assert_eq!(interpreter(folder.path(), b"#!/usr/bin/env perl\n"), Some("the interpreter perl".into()));
        assert_eq!(interpreter(folder.path(), b"#!/bin/sh -e\n"), None);
        let text =
            "[Service]\nExecStart=/usr/bin/gone --x\nExecStop=-/usr/bin/also\nExecReload=!sh -c true\n";
        assert_eq!(unit(folder.path(), text), ["its program /usr/bin/gone"]);
    }
}
