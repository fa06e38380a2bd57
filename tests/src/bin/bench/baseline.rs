//! What others would use: `mmdebstrap --variant=extract` with the same package files, then `mkfs.erofs` with the options
//! of the build. It sets nothing up: no users, no units, no boot files, no hash tree, no disk.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use system_tests::JourneyError;
use tayberry::build::erofs;
use tayberry::build::tree::Tree;
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Section};
use tayberry::paths::Paths;
use tayberry::tools::Tools;
use tayberry::ui::{Mode, Ui};

use crate::failed;

/// Relations that the lock has already resolved; it leaves out packages that others name there.
const RELATIONS: [&str; 5] = ["Depends:", "Pre-Depends:", "Recommends:", "Conflicts:", "Breaks:"];

/// Seconds for the same packages. Making the archive that mmdebstrap reads is not counted.
///
/// # Errors
/// With the tools' own words on standard error.
pub(crate) fn run(paths: &Paths, folder: &Path) -> Result<f64, JourneyError> {
    let lock = Lock::load(&paths.lock())?;
    let cache = Cache::new(&paths.cache);
    let tools = Tools::ready(&lock, &cache, &paths.cache, Ui::new(Mode::Text));
    let tools = tools.map_err(failed)?;
    let archive = folder.join("archive");
    let names = archive_of(&lock, &cache, &archive)?;
    let root = folder.join("root");

    let began = Instant::now();
    let mode = if is_root()? { "root" } else { "unshare" };
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=extract", "--architectures=arm64", "--skip=check/qemu"]);
    command.arg(format!("--mode={mode}")).arg("--format=directory").arg(format!("--include={names}"));
    command.arg("").arg(&root).arg(format!("deb [trusted=yes] copy:{} ./", archive.display()));
    ended_well(&mut command)?;
    let tree = Tree { root, origin: std::collections::BTreeMap::new(), base: None };
    let image = folder.join("baseline.erofs");
    erofs::build(&tree, &tools, &image, lock.epoch).map_err(failed)?;
    Ok(began.elapsed().as_secs_f64())
}

/// A flat archive of the locked packages of the device; returns their names, with commas.
fn archive_of(lock: &Lock, cache: &Cache, archive: &Path) -> Result<String, JourneyError> {
    std::fs::create_dir_all(archive)?;
    let mut names = Vec::new();
    for package in lock.section(Section::System) {
        let from = cache.file_of(package);
        std::fs::copy(&from, archive.join(from.file_name().unwrap_or_default()))?;
        names.push(package.name.as_str());
    }
    let output = Command::new("dpkg-scanpackages")
        .current_dir(archive)
        .args(["--multiversion", ".", "/dev/null"])
        .stderr(Stdio::null())
        .output()?;
    let mut index = std::fs::File::create(archive.join("Packages"))?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if !RELATIONS.iter().any(|relation| line.starts_with(relation)) {
            writeln!(index, "{line}")?;
        }
    }
    Ok(names.join(","))
}

/// Whether mmdebstrap may do without a user namespace.
fn is_root() -> Result<bool, JourneyError> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

fn ended_well(command: &mut Command) -> Result<(), JourneyError> {
    let status = command.stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(JourneyError::Failed(format!("{command:?}: {status}"))) }
}
