//! The build tools of the lock, unpacked into the cache and run from there.
//!
//! They are programs of Debian stable for the machine that builds. Each is told, with `patchelf`, to use the dynamic
//! loader and the libraries that lie beside it, so that they run on any host, without root and without a chroot.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::deb::{self, DebError};
use crate::fetch::{Cache, FetchError};
use crate::lock::{Lock, Section};
use crate::ui::Ui;

/// Tools that cannot be unpacked or run.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A package.
    #[error(transparent)]
    Deb(#[from] DebError),
    /// A download.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file of the cache.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// A program failed; its own words follow.
    #[error("{program} failed ({status}):\n{words}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it printed.
        words: String,
    },
}

/// The unpacked tools.
#[derive(Debug, Clone)]
pub struct Tools {
    root: PathBuf,
    triplet: &'static str,
}

impl Tools {
    /// The tools of `lock`, unpacked if this lock's were not yet.
    ///
    /// # Errors
    /// When a package is damaged or the cache cannot be written.
    pub fn ready(lock: &Lock, cache: &Cache, folder: &Path, ui: Ui) -> Result<Self, ToolError> {
        let mut identity = Sha256::new();
        for package in lock.section(Section::Tools) {
            identity.update(&package.sha256);
        }
        let triplet = if lock.host == "arm64" { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" };
        let folder = folder.join("tools");
        let root = folder.join(&hex::encode(identity.finalize())[..16]);
        let tools = Self { root, triplet };
        let marker = tools.root.join(".complete");
        if marker.exists() {
            return Ok(tools);
        }
        let io = |error| ToolError::Io { path: folder.clone(), error };
        // Tools of an older lock are of no further use, and half a gigabyte each.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(io)?;
        }
        let total = lock.section(Section::Tools).map(|package| package.size).sum();
        let stage = ui.stage("tools", Some(total));
        skeleton(&tools.root).map_err(io)?;
        for package in lock.section(Section::Tools) {
            stage.at(&package.name);
            deb::unpack(&cache.check(package)?, &tools.root, &|_| false)?;
            stage.add(package.size);
        }
        tools.patch()?;
        std::fs::write(&marker, "").map_err(io)?;
        stage.finish(&format!("{} packages unpacked", lock.section(Section::Tools).count()));
        Ok(tools)
    }

    /// The folder that is `/` to the tools.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of a program.
    #[must_use]
    pub fn path(&self, program: &str) -> PathBuf {
        let places =
            ["usr/bin", "usr/sbin", "usr/lib/systemd"].map(|folder| self.root.join(folder).join(program));
        let [first, ..] = &places;
        places.iter().find(|path| path.exists()).unwrap_or(first).clone()
    }

    /// A command that runs a program of the tools.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        command.env("LC_ALL", "C.UTF-8").stdin(std::process::Stdio::null());
        command
    }

    fn library_path(&self) -> PathBuf {
        self.root.join("usr/lib").join(self.triplet)
    }

    fn loader(&self) -> PathBuf {
        let name = if self.triplet.starts_with("aarch64") {
            "ld-linux-aarch64.so.1"
        } else {
            "ld-linux-x86-64.so.2"
        };
        self.library_path().join(name)
    }

    /// Points every program at the loader and the libraries beside it. Search path first, loader second: the other
    /// order makes position-dependent programs crash (tried with patchelf 0.18). `DT_RPATH`, which libraries inherit;
    /// only those that carry a search path of their own need it too.
    fn patch(&self) -> Result<(), ToolError> {
        let io = |error| ToolError::Io { path: self.root.clone(), error };
        let mut programs = Vec::new();
        let mut libraries = Vec::new();
        for path in crate::files::walk(&self.root.join("usr")).map_err(io)? {
            match classify(&path, self.triplet) {
                Elf::Program => programs.push(path),
                Elf::Library => libraries.push(path),
                Elf::Other => {}
            }
        }
        // A running program cannot be written to.
        let patchelf = self.root.join("usr/bin/.patchelf");
        std::fs::copy(self.root.join("usr/bin/patchelf"), &patchelf).map_err(io)?;
        let library_path = self.library_path();
        let run = |option: &str, value: &Path, files: &[PathBuf]| -> Result<(), ToolError> {
            for chunk in files.chunks(64) {
                let mut command = Command::new(self.loader());
                command.arg("--library-path").arg(&library_path).arg(&patchelf);
                if option == "--set-rpath" {
                    command.arg("--force-rpath");
                }
                execute(command.arg(option).arg(value).args(chunk))?;
            }
            Ok(())
        };
        let private = library_path.join("systemd");
        let search = PathBuf::from(format!("{}:{}", library_path.display(), private.display()));
        run("--set-rpath", &search, &programs)?;
        run("--set-rpath", &search, &libraries)?;
        run("--set-interpreter", &self.loader(), &programs)
    }
}

/// Runs a command to its end; returns what it printed on standard output.
///
/// # Errors
/// With the program's own words.
pub fn execute(command: &mut Command) -> Result<Vec<u8>, ToolError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|error| ToolError::Io { path: program.clone(), error })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let answer = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = answer.lines().chain(errors.lines()).collect();
    Err(ToolError::Failed {
        program: program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        status: output.status,
        words: words[words.len().saturating_sub(40)..].join("\n"),
    })
}

/// The links that base-files would bring.
fn skeleton(root: &Path) -> std::io::Result<()> {
    for folder in ["bin", "sbin", "lib", "lib64"] {
        std::fs::create_dir_all(root.join("usr").join(folder))?;
        std::os::unix::fs::symlink(Path::new("usr").join(folder), root.join(folder))?;
    }
    Ok(())
}

enum Elf {
    Program,
    Library,
    Other,
}

/// A dynamic program of the host, a library with a search path of its own, or anything else.
fn classify(path: &Path, triplet: &str) -> Elf {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let mut magic = [0; 20];
    let read = || std::io::Read::read_exact(&mut std::fs::File::open(path)?, &mut magic);
    if !is_file || { read }().is_err() || &magic[..4] != b"\x7fELF" {
        return Elf::Other;
    }
    let machine = u16::from_le_bytes([magic[18], magic[19]]);
    let wanted = if triplet.starts_with("aarch64") {
        goblin::elf::header::EM_AARCH64
    } else {
        goblin::elf::header::EM_X86_64
    };
    let loader = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-linux"));
    if machine != wanted || loader {
        return Elf::Other;
    }
    let Ok(bytes) = std::fs::read(path) else { return Elf::Other };
    match goblin::elf::Elf::parse(&bytes) {
        Ok(elf) if elf.interpreter.is_some() && elf.soname.is_none() => Elf::Program,
        Ok(elf) if !elf.runpaths.is_empty() || !elf.rpaths.is_empty() => Elf::Library,
        _ => Elf::Other,
    }
}
