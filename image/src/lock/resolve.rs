//! From the configuration to a lock: asks apt's solver for the device, for each container, and for the machine that
//! builds, and drops what the configuration leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{FORMAT, Lock, Package, Section};
use crate::apt::{self, Apt, AptError, Archives, Listed, Solved};
use crate::config::{Config, Kernel, Packages};
use crate::mirror::Mirror;

/// Architecture of the device, as Debian calls it.
pub const DEVICE: &str = "arm64";

/// A configuration that cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// apt's part.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// A pattern in `leave_out` is malformed.
    #[error("leave_out: {0:?} is not a pattern: {1}")]
    Pattern(String, glob::PatternError),
    /// The archive gives a date that is none.
    #[error("the archive's date {0:?} cannot be read: {1}")]
    Date(String, jiff::Error),
    /// The kernel flavour is not configured.
    #[error("image/appliance.toml has no kernel flavour {0}: add [kernel.{0}]")]
    NoKernel(String),
    /// This machine's architecture has no tools.
    #[error("this machine's architecture {0} is not supported: build on amd64 or arm64")]
    Host(String),
}

/// The Debian name of the machine that runs this.
///
/// # Errors
/// On other machines than amd64 and arm64.
pub fn host() -> Result<&'static str, ResolveError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(ResolveError::Host(other.to_owned())),
    }
}

/// Resolves `config`. Versions of `keep` that still exist are preferred to newer ones. The packages' scripts are
/// not looked at yet: [`super::scripts`] does that once they are downloaded.
///
/// # Errors
/// With apt's own words when a package does not exist or cannot be had.
pub fn resolve(
    config: &Config,
    kernel: &Kernel,
    mirror: &Mirror,
    dir: &Path,
    keep: &[Package],
) -> Result<Lock, ResolveError> {
    let host = host()?;
    let other = if host == DEVICE { "amd64" } else { DEVICE };
    let mut system = config.system.clone();
    system.packages.extend(kernel.packages.iter().cloned());
    let mut tools = config.tools.clone();
    tools.packages.extend(kernel.headers.iter().map(|name| format!("{name}:{DEVICE}")));

    let mut lock = Lock {
        format: FORMAT,
        host: host.to_owned(),
        kernel: config.image.kernel.clone(),
        epoch: 0,
        suites: BTreeMap::new(),
        image: Vec::new(),
        package: Vec::new(),
    };
    let mut sections = vec![(Section::System, DEVICE, system)];
    let containers = config.containers();
    sections.extend(containers.map(|(name, packages)| (Section::Container(name.clone()), DEVICE, packages)));
    sections.push((Section::Tools, host, tools));
    let mut fetched = BTreeSet::new();
    for (section, native, wanted) in sections {
        // A library that system and container share has one version.
        let shared = |package: &Package| {
            matches!(section, Section::Container(_)) && package.section == Section::System
        };
        let is_kept = |package: &&Package| package.section == section || shared(package);
        let keep: Vec<Solved> = keep.iter().filter(is_kept).map(solved).collect();
        let archives = Archives {
            suites: &config.suite,
            mirror,
            keyring: config.keyring.as_deref().unwrap_or(Path::new(apt::KEYRING)),
            // Only the device's kernel comes from there.
            kernel: kernel.archive.as_ref().filter(|_| section.is_of_the_device()),
        };
        let folder = if section.is_of_the_device() { dir.join("device") } else { dir.join("tools") };
        let apt = Apt::prepare(&folder, archives, [native, other], &keep)?;
        if fetched.insert(folder) {
            apt.update()?;
        }
        let chosen = apt.solve(&wanted.packages)?;
        lock.package.extend(locked(&section, chosen, &wanted, native, &apt.listed()?)?);
        lock.suites.extend(apt.dates()?);
    }
    for date in lock.suites.values() {
        let time = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
        let seconds = time
            .parse_timestamp(date.replace("UTC", "GMT"))
            .map_err(|error| ResolveError::Date(date.clone(), error))?
            .as_second();
        lock.epoch = lock.epoch.max(seconds);
    }
    lock.package.sort();
    Ok(lock)
}

fn solved(package: &Package) -> Solved {
    Solved {
        name: package.name.clone(),
        architecture: package.architecture.clone(),
        version: package.version.clone(),
    }
}

fn locked(
    section: &Section,
    chosen: Vec<Solved>,
    wanted: &Packages,
    native: &str,
    listed: &BTreeMap<(String, String, String), Listed>,
) -> Result<Vec<Package>, ResolveError> {
    let left_out = patterns(&wanted.leave_out)?;
    let mut packages = Vec::new();
    for Solved { name, architecture, version } in chosen {
        let qualified = format!("{name}:{architecture}");
        let is_native = architecture == native || architecture == "all";
        if left_out.iter().any(|pattern| pattern.matches(&qualified) || (is_native && pattern.matches(&name)))
        {
            continue;
        }
        let key = (name.clone(), architecture.clone(), version.clone());
        let entry =
            listed.get(&key).ok_or_else(|| AptError::Unlisted(format!("{qualified}={version}")))?.clone();
        packages.push(Package {
            section: section.clone(),
            name,
            architecture,
            version,
            source: entry.source,
            path: entry.path,
            kernel_archive: entry.kernel_archive,
            size: entry.size,
            sha256: entry.sha256,
            scripts: None,
        });
    }
    Ok(packages)
}

fn patterns(texts: &[String]) -> Result<Vec<glob::Pattern>, ResolveError> {
    texts
        .iter()
        .map(|text| glob::Pattern::new(text).map_err(|error| ResolveError::Pattern(text.clone(), error)))
        .collect()
}
