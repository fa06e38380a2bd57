//! Reads `appliance.toml`: what the image is made of. Resolving it is left to [`crate::lock`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tayberry_format::owner::Repository;

/// Seconds that the hardware watchdog may wait: it needs time to be fed, and the Pi 5's counter ends just below 16 s.
const WATCHDOG: std::ops::RangeInclusive<u8> = 5..=15;
/// Longest configuration that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// `appliance.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name, version and kernel flavour.
    pub image: Image,
    /// Base address of a Debian mirror; by default the one of the machine that builds.
    pub mirror: Option<String>,
    /// Public keys that sign the suites, a file beside `appliance.toml`; by default Debian's.
    pub keyring: Option<PathBuf>,
    /// Suites of the archive, in the order of preference that apt gives them.
    pub suite: Vec<Suite>,
    /// Packages of the device.
    pub system: Packages,
    /// Kernel flavours by name.
    pub kernel: BTreeMap<String, Kernel>,
    /// Packages that the build needs, for the machine that builds.
    pub tools: Packages,
    /// What holds for all images of services.
    #[serde(default)]
    pub containers: Containers,
    /// Images of the stack's services by name.
    #[serde(default)]
    pub container: BTreeMap<String, Container>,
}

/// The `[image]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// First part of the file names: lower-case letters, digits and `-`.
    pub name: String,
    /// Version of the image: digits and dots, with an optional `-suffix`.
    pub version: String,
    /// The device's name until its owner gives it one.
    pub hostname: String,
    /// Key of the `[kernel.…]` table to use.
    pub kernel: String,
    /// After so many seconds without a sign of life the hardware resets the board.
    #[serde(default = "longest_watchdog")]
    pub watchdog: u8,
    /// The root of trust for updates, which `tayberry keys init` made: a file beside `appliance.toml`. A device without one
    /// takes no updates.
    pub update_root: Option<PathBuf>,
    /// Address of the repository that devices ask for updates, unless their owner names another one.
    pub update_repository: Option<Repository>,
}

const fn longest_watchdog() -> u8 {
    *WATCHDOG.end()
}

/// Values that a command line gives instead of the file's.
#[derive(Debug, Clone, Default)]
pub struct Instead {
    /// For `image.version`.
    pub version: Option<String>,
    /// For `image.update_root`; relative to the working folder.
    pub update_root: Option<PathBuf>,
    /// For `image.update_repository`.
    pub update_repository: Option<Repository>,
    /// Which database the stack has.
    pub database: Database,
}

/// Which database the stack has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Database {
    /// MongoDB, from its registry.
    #[default]
    Official,
    /// Something that speaks its protocol, where that registry cannot be reached. It is not MongoDB
    StandIn,
}

/// A `[[suite]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Name in the archive.
    pub name: String,
    /// Components of the archive.
    pub components: Vec<String>,
    /// The suite lies in the security archive.
    #[serde(default)]
    pub security: bool,
    /// Only these packages (with `*`) are taken from it; empty means any.
    #[serde(default)]
    pub only: Vec<String>,
    /// So many days its lists hold at least, whatever they say themselves: for mirrors that are behind. Signatures are checked.
    pub valid_days: Option<u32>,
}

/// A list of packages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Names, with `:ARCHITECTURE` for a foreign one.
    pub packages: Vec<String>,
    /// Dependencies that are not unpacked (names with `*`, optionally with `:ARCHITECTURE`).
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// The `[containers]` table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Containers {
    /// Packages that no container gets, though others depend on them.
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// A `[container.NAME]` table: the image of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// As in [`Packages`].
    #[serde(default)]
    pub packages: Vec<String>,
    /// A program of crates.io, for `/usr/bin`.
    #[serde(rename = "crate")]
    pub published: Option<Published>,
    /// One of our own programs, for `/usr/bin`: the name of its crate.
    pub program: Option<String>,
    /// A folder of the project that lies in `/usr/share/www`.
    pub pages: Option<PathBuf>,
    /// What runs unless the stack says something else.
    pub command: Vec<String>,
    /// The image of a registry that its root begins with, instead of packages: its name there.
    pub image: Option<String>,
    /// It takes the place of this other container, in builds that ask for stand-ins.
    pub stands_in_for: Option<String>,
    /// The formats in which it keeps data, and their versions. An update whose formats differ is not taken.
    #[serde(default)]
    pub data_formats: BTreeMap<String, u32>,
}

/// A program of crates.io.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Name of the crate.
    pub name: String,
    /// The one version.
    pub version: String,
    /// Name of the program.
    pub program: String,
}

/// A `[kernel.FLAVOUR]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Packages that bring the kernel, its modules and its device trees.
    pub packages: Vec<String>,
    /// Device name of the debug UART in this kernel.
    pub console: String,
    /// File name of the Pi 5's device tree.
    pub device_tree: String,
    /// Page size in bytes; recorded in the manifest, because databases depend on it.
    pub page_size: u32,
    /// Package with the headers for our own module; none where the kernel brings `/dev/vcio` itself.
    pub headers: Option<String>,
    /// Device-tree overlays that config.txt names, in this order.
    #[serde(default)]
    pub overlays: Vec<String>,
    /// Overlays of the kernel package that lie in the boot partition, with those of `overlays`. When there is one, all
    /// come from that package: ours are for Debian's device tree.
    #[serde(default)]
    pub package_overlays: Vec<String>,
    /// Parameters of the device tree itself, as config.txt's `dtparam=` takes them.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// Modules of `image/modules.toml` that this kernel may lack.
    #[serde(default)]
    pub may_lack: Vec<String>,
    /// An archive of its own.
    pub archive: Option<Archive>,
}

/// Another archive, for a kernel flavour.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Suite.
    pub name: String,
    /// Components.
    pub components: Vec<String>,
    /// The environment variable that holds its base address.
    pub url_from: String,
    /// Public keys that sign it, a file beside `appliance.toml`.
    pub keyring: PathBuf,
    /// `Origin` in its release file: its suite has the name of one of Debian's.
    pub origin: String,
    /// Only these packages (with `*`) are taken from it.
    pub only: Vec<String>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// Larger than any sensible configuration.
    #[error("{0} has more than {MAX_BYTES} bytes; this is not a configuration file")]
    TooLarge(PathBuf),
    /// Not TOML, an unknown key, a wrong type. The library's text names line, column and what is allowed.
    #[error("{path}: {error}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason, with line and column.
        error: Box<toml::de::Error>,
    },
    /// A value that is well-formed but not allowed.
    #[error("{path}: {key}: {value:?} is not allowed; {allowed}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is allowed instead.
        allowed: String,
    },
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Names the file, the line and column or the key, and what is allowed there.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |error| ConfigError::Read { path: path.to_owned(), error };
        if std::fs::metadata(path).map_err(read)?.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        let mut config = Self::parse(path, &std::fs::read_to_string(path).map_err(read)?)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.keyring = config.keyring.map(|keyring| folder.join(keyring));
        config.image.update_root = config.image.update_root.map(|root| folder.join(root));
        for archive in config.kernel.values_mut().filter_map(|kernel| kernel.archive.as_mut()) {
            archive.keyring = folder.join(&archive.keyring);
        }
        Ok(config)
    }

    /// Reads the file, takes `instead` over it, and checks the result.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(path: &Path, instead: &Instead) -> Result<Self, ConfigError> {
        let mut config = Self::load(path)?;
        config.image.version = instead.version.clone().unwrap_or(config.image.version);
        config.image.update_root = instead.update_root.clone().or(config.image.update_root);
        config.image.update_repository = instead.update_repository.clone().or(config.image.update_repository);
        config.choose(instead.database);
        config.check(path)?;
        Ok(config)
    }

    /// Leaves out stand-ins, or what they stand in for.
    fn choose(&mut self, database: Database) {
        let pairs: Vec<(String, String)> = self
            .container
            .iter()
            .filter_map(|(name, one)| Some((name.clone(), one.stands_in_for.clone()?)))
            .collect();
        for (stand_in, other) in pairs {
            self.container.remove(if database == Database::StandIn { &other } else { &stand_in });
        }
    }

    /// The formats in which containers keep data, and their versions.
    #[must_use]
    pub fn data_formats(&self) -> BTreeMap<String, u32> {
        let all = self.container.values().flat_map(|one| &one.data_formats);
        all.map(|(name, version)| (name.clone(), *version)).collect()
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        config.check(path)?;
        Ok(config)
    }

    /// Packages of each container.
    pub fn containers(&self) -> impl Iterator<Item = (&String, Packages)> {
        let leave_out = &self.containers.leave_out;
        self.container.iter().filter(|(_, one)| !one.packages.is_empty()).map(move |(name, one)| {
            (name, Packages { packages: one.packages.clone(), leave_out: leave_out.clone() })
        })
    }

    /// The chosen kernel flavour. [`Config::load`] has made sure that it exists.
    #[must_use]
    pub fn flavour(&self) -> Option<&Kernel> {
        self.kernel.get(&self.image.kernel)
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let refuse = |key, value: &str, allowed: String| {
            Err(ConfigError::Value { path: path.to_owned(), key, value: value.to_owned(), allowed })
        };
        let label = |text: &str| {
            !text.is_empty()
                && text.len() <= 63
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let image = &self.image;
        if !label(&image.name) {
            return refuse("image.name", &image.name, "use up to 63 lower-case letters, digits and -".into());
        }
        if !label(&image.hostname) {
            return refuse(
                "image.hostname",
                &image.hostname,
                "use up to 63 lower-case letters, digits and -".into(),
            );
        }
        let version = image.version.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
        if !version || !image.version.starts_with(|c: char| c.is_ascii_digit()) || image.version.len() > 32 {
            return refuse(
                "image.version",
                &image.version,
                "use a version such as 1.4.2 or 1.4.2-beta".into(),
            );
        }
        if self.flavour().is_none() {
            let names: Vec<&str> = self.kernel.keys().map(String::as_str).collect();
            return refuse("image.kernel", &image.kernel, format!("there is {}", names.join(", ")));
        }
        if !WATCHDOG.contains(&image.watchdog) {
            let (least, most) = (WATCHDOG.start(), WATCHDOG.end());
            return refuse("image.watchdog", &image.watchdog.to_string(), format!("use {least} to {most}"));
        }
        for (name, one) in &self.container {
            if one.image.is_none() && one.packages.is_empty() {
                return refuse(
                    "container",
                    name,
                    "name its `packages`, or the `image` that it begins with".into(),
                );
            }
        }
        let archives = self.kernel.values().filter_map(|kernel| kernel.archive.as_ref());
        if let Some(archive) = archives.into_iter().find(|archive| archive.only.is_empty()) {
            return refuse("archive.only", &archive.name, "name the packages that come from it".into());
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
