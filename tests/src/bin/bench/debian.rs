//! Other packages of Debian's for the device's architecture, of the same archives as the image: what a comparison needs.

use std::path::{Path, PathBuf};

use system_tests::{Fixture, JourneyError};
use tayberry::build::erofs;
use tayberry::build::tree::Tree;
use tayberry::build::trim::Trim;
use tayberry::config::Config;
use tayberry::emulate::disk::DISK_BYTES;
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Package, Section, resolve};
use tayberry::mirror::Mirror;
use tayberry::ui::{Mode, Ui};

use crate::failed;

/// `names` and what they need, and `others`; all in the cache.
///
/// # Errors
/// When they cannot be resolved or had.
pub(crate) fn packages(
    fixture: &Fixture,
    folder: &Path,
    names: &[&str],
    leave_out: &[&str],
    others: Vec<Package>,
) -> Result<Lock, JourneyError> {
    let mut config = Config::load(&fixture.paths.config()).map_err(failed)?;
    let mut kernel = config.flavour().cloned().ok_or_else(|| failed("no kernel flavour"))?;
    let mirror = Mirror::find(&config).map_err(failed)?;
    let locked = Lock::load(&fixture.paths.lock())?;
    config.system.packages = names.iter().map(|name| (*name).to_owned()).collect();
    config.system.leave_out = leave_out.iter().map(|name| (*name).to_owned()).collect();
    // The mirror may be between two versions of a compiler that nobody asks for here.
    config.tools.packages.clear();
    config.tools.leave_out.clear();
    kernel.packages.clear();
    kernel.headers = None;
    let apt = folder.join("apt");
    let mut lock = resolve::resolve(&config, &kernel, &mirror, &apt, &locked.package).map_err(failed)?;
    lock.package.retain(|package| package.section == Section::System);
    lock.package.extend(others);
    let cache = Cache::new(&fixture.paths.cache);
    cache.fetch(&lock.package, Some(&mirror), Ui::new(Mode::Text)).map_err(failed)?;
    Ok(lock)
}

/// A disk with a package, as Debian packages it, and what it needs.
///
/// # Errors
/// As [`packages`], and when it cannot be packed.
pub(crate) fn disk(
    fixture: &Fixture,
    folder: &Path,
    name: &str,
    leave_out: &[&str],
) -> Result<PathBuf, JourneyError> {
    let lock = packages(fixture, folder, &[name], leave_out, Vec::new())?;
    let cache = Cache::new(&fixture.paths.cache);
    let root = folder.join(name);
    let tree = Tree::unpack((&lock, Section::System), &cache, &root, &Trim::default(), Ui::new(Mode::Text))
        .map_err(failed)?;
    let disk = folder.join(format!("{name}.img"));
    erofs::build(&tree, &fixture.tools, &disk, lock.epoch).map_err(failed)?;
    std::fs::OpenOptions::new().write(true).open(&disk)?.set_len(DISK_BYTES)?;
    Ok(disk)
}
