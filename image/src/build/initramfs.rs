//! The initramfs: `tayberry-init`, the modules that it loads, and nothing else; and the larger one of the rescue system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tayberry_format::cpio::Archive;

use crate::build::compile::Programs;
use crate::build::containers::DATA_FORMATS;
use crate::build::modules::{Kernel, Lists, Modules};
use crate::build::tree::Tree;
use crate::build::{BuildError, at, join, libraries};

/// zstd level: 19 makes the image 0.9 % smaller, and its stage takes 21 seconds instead of 6.
const LEVEL: i32 = 12;
/// Parts of the rescue system begin at whole blocks, in bytes: an earlier one that grows a little moves no later one's chunks.
const PART: usize = 4096;
/// The emulator's part never lies on a device: quick rather than small.
const EMULATOR_LEVEL: i32 = 3;

/// Builds the archive, compressed.
///
/// # Errors
/// When a module is missing or a file cannot be read.
pub fn build(kernel: &Kernel, lists: &Lists, init: &Path) -> Result<Vec<u8>, BuildError> {
    compress(&begin(kernel, &[&lists.initramfs], &[], init)?.finish(), LEVEL)
}

/// Builds the rescue system's, compressed: the same, drivers of the network and of the data partition, and the agent with its
/// front. In parts, each an archive of its own, which the kernel unpacks one after the other: what does not change between two
/// versions is not fetched anew.
///
/// # Errors
/// As [`build`].
pub fn rescue(
    kernel: &Kernel,
    lists: &Lists,
    ours: &[OwnModule<'_>],
    programs: &Programs,
    tree: &Tree,
    epoch: i64,
) -> Result<Vec<u8>, BuildError> {
    let mut first = begin(kernel, &[&lists.initramfs, &lists.rescue], ours, &programs.init)?;
    first.folder("var");
    first.folder("tmp");
    let mut parts = vec![first];
    let mut needed = BTreeSet::new();
    for (program, place) in [
        (&programs.front, "usr/lib/tayberry/tayberry-front"),
        (&programs.tayberryd, "usr/lib/tayberry/tayberryd"),
    ] {
        let bytes = std::fs::read(program).map_err(at(program))?;
        libraries::needed(&tree.root, program, &bytes, &mut needed)?;
        let mut part = Archive::default();
        part.file(place, 0o755, &bytes);
        parts.push(part);
    }
    let mut shared = Archive::default();
    for path in needed {
        let file = tree.path(&path);
        shared.file(&path, 0o755, &std::fs::read(&file).map_err(at(file))?);
    }
    let mut last = Archive::default();
    // The root of trust: an image without one takes no updates, in rescue neither.
    for path in ["usr/lib/os-release", "usr/share/tayberry/root.json", DATA_FORMATS] {
        let file = tree.path(path);
        if file.exists() {
            last.file(path, 0o644, &std::fs::read(&file).map_err(at(file))?);
        }
    }
    // The kernel need not keep the times of an archive's files: what the system partition says by a file's time is said in words.
    last.file("usr/share/tayberry/built", 0o644, epoch.to_string().as_bytes());
    parts.extend([shared, last]);
    let mut all = Vec::new();
    for part in each(parts, |part| compress(&part.finish(), LEVEL)) {
        all.extend(part?);
        // Zeros between archives are skipped (kernel documentation, driver-api/early-userspace/buffer-format.rst).
        all.resize(all.len().next_multiple_of(PART), 0);
    }
    Ok(all)
}

/// Does the same with each, all at a time.
fn each<T: Send, U: Send>(all: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    std::thread::scope(|scope| {
        let running: Vec<_> = all.into_iter().map(|one| scope.spawn(|| work(one))).collect();
        running.into_iter().map(join).collect()
    })
}

/// A module that is not of the kernel package.
pub struct OwnModule<'a> {
    /// The board that wants it.
    pub board: &'a str,
    /// Its file name.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// An archive with init and the modules that it loads.
fn begin(
    kernel: &Kernel,
    lists: &[&BTreeMap<String, Modules>],
    ours: &[OwnModule<'_>],
    init: &Path,
) -> Result<Archive, BuildError> {
    let mut archive = Archive::default();
    archive.console();
    for folder in ["proc", "sys", "run", "sysroot"] {
        archive.folder(folder);
    }
    archive.file("init", 0o755, &std::fs::read(init).map_err(at(init))?);
    let mut list = String::new();
    let mut packed: Vec<PathBuf> = Vec::new();
    for lists in lists {
        let common = lists.get("all").into_iter().map(|modules| ("all", modules));
        // Boards come first: the watchdog and the interrupt controllers must not wait for anything.
        let boards = lists.iter().filter(|(name, _)| *name != "all");
        for (board, modules) in boards.map(|(name, modules)| (name.as_str(), modules)).chain(common) {
            // Writing to a String cannot fail.
            writeln!(list, "[{board}]").unwrap_or_default();
            for file in kernel.choose(&modules.modules)? {
                let place = place(&file);
                writeln!(list, "/{place}").unwrap_or_default();
                if !packed.contains(&file) {
                    archive.file(&place, 0o644, kernel.read(&file)?);
                    packed.push(file);
                }
            }
        }
    }
    for OwnModule { board, name, bytes } in ours {
        writeln!(list, "[{board}]\n/modules/{name}").unwrap_or_default();
        archive.file(&format!("modules/{name}"), 0o644, bytes);
    }
    archive.file("modules.list", 0o644, list.as_bytes());
    Ok(archive)
}

/// Builds the emulator's part: modules to load, and files for `/run`. It follows the first part uncompressed, as the
/// kernel allows.
///
/// # Errors
/// When a module is missing.
pub fn emulator(
    kernel: &Kernel,
    lists: &Lists,
    files: &[(String, u32, Vec<u8>)],
) -> Result<Vec<u8>, BuildError> {
    let mut archive = Archive::default();
    let mut list = String::from("[all]\n");
    for file in kernel.choose(&lists.emulator.modules)? {
        let place = format!("emulator/{}", place(&file));
        writeln!(list, "/{place}").unwrap_or_default();
        archive.file(&place, 0o644, kernel.read(&file)?);
    }
    archive.file("emulator/modules.list", 0o644, list.as_bytes());
    let mut air = String::new();
    for file in kernel.choose(&lists.air.modules)? {
        let place = place(&file);
        let name = place.trim_start_matches("modules/");
        writeln!(air, "{name}").unwrap_or_default();
        archive.file(&format!("emulator/run/tayberry-emulator/{place}"), 0o644, kernel.read(&file)?);
    }
    archive.file("emulator/run/tayberry-emulator/air.modules", 0o644, air.as_bytes());
    for (path, permissions, bytes) in files {
        archive.file(&format!("emulator/run/{path}"), *permissions, bytes);
    }
    compress(&archive.finish(), EMULATOR_LEVEL)
}

/// Where a module lies in the archive: by its name alone, uncompressed.
fn place(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("modules/{}", name.trim_end_matches(".xz"))
}

fn compress(archive: &[u8], level: i32) -> Result<Vec<u8>, BuildError> {
    zstd::bulk::compress(archive, level).map_err(at("initramfs"))
}
