//! The initramfs: `tayberry-init`, the modules that it loads, and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tayberry_format::cpio::Archive;

use crate::build::modules::{Kernel, Lists};
use crate::build::{BuildError, at};

/// zstd's strongest level that any kernel reads without more memory than an initramfs may use; 19 of 22.
const LEVEL: i32 = 19;
/// The emulator's part never lies on a device: quick rather than small.
const EMULATOR_LEVEL: i32 = 3;

/// Builds the archive, compressed.
///
/// # Errors
/// When a module is missing or a file cannot be read.
pub fn build(kernel: &Kernel, lists: &Lists, init: &Path) -> Result<Vec<u8>, BuildError> {
    let mut archive = Archive::default();
    archive.console();
    for folder in ["proc", "sys", "run", "sysroot"] {
        archive.folder(folder);
    }
    archive.file("init", 0o755, &std::fs::read(init).map_err(at(init))?);
    let mut list = String::new();
    let mut packed: Vec<PathBuf> = Vec::new();
    let common: Vec<_> = lists.initramfs.get("all").into_iter().map(|modules| ("all", modules)).collect();
    // Boards come first: the watchdog and the interrupt controllers must not wait for anything.
    let boards = lists
        .initramfs
        .iter()
        .filter(|(name, _)| *name != "all")
        .map(|(name, modules)| (name.as_str(), modules));
    for (board, modules) in boards.chain(common) {
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
    archive.file("modules.list", 0o644, list.as_bytes());
    compress(&archive.finish(), LEVEL)
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
