//! apt's own solver in a private directory: updates package lists and resolves packages without touching the
//! host's apt state. What to ask for and what to keep of the answer is decided in [`crate::lock`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::{Archive, Suite};
use crate::lock::resolve::DEVICE;
use crate::mirror::Mirror;

/// The keys of Debian's archive, from the package debian-archive-keyring.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What can go wrong between us and apt.
#[derive(Debug, thiserror::Error)]
pub enum AptError {
    /// A file of the private directory cannot be used.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The keys that sign the archive are not there.
    #[error("{0} is missing; Debian's is installed with `sudo apt-get install debian-archive-keyring`")]
    NoKeyring(PathBuf),
    /// apt is not there.
    #[error("`{0}` cannot be run ({1}): `tayberry lock` needs a Debian or Ubuntu machine with apt")]
    NoApt(&'static str, std::io::Error),
    /// The archive does not have it.
    #[error("no suite of the archive has {}: look at the packages in image/appliance.toml", .0.join(", "))]
    NoPackage(Vec<String>),
    /// apt refused; its own words follow.
    #[error("apt cannot {what}:\n{words}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it printed.
        words: String,
    },
    /// A solved package that no list knows, or that only the kernel flavour's archive has and may not bring.
    #[error(
        "apt chose {0}, which no package list describes; run the command again, or look at `only` of the kernel's archive"
    )]
    Unlisted(String),
    /// A pattern in `only` is malformed.
    #[error("only: {0:?} is not a pattern: {1}")]
    Pattern(String, glob::PatternError),
}

/// A package that the solver chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Solved {
    /// Name.
    pub name: String,
    /// Architecture, `all` included.
    pub architecture: String,
    /// Version.
    pub version: String,
}

/// What a package list says of a package.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Path below the archive's address.
    pub path: String,
    /// It lies in the kernel flavour's own archive.
    pub kernel_archive: bool,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Source package, for the bill of materials.
    pub source: String,
}

/// Where packages come from.
#[derive(Debug, Clone, Copy)]
pub struct Archives<'a> {
    /// Debian's suites.
    pub suites: &'a [Suite],
    /// The addresses.
    pub mirror: &'a Mirror,
    /// The keys that sign the suites.
    pub keyring: &'a Path,
    /// The kernel flavour's own archive.
    pub kernel: Option<&'a Archive>,
}

/// A private apt directory for one main architecture.
pub struct Apt<'a> {
    dir: PathBuf,
    config: PathBuf,
    archives: Archives<'a>,
}

impl<'a> Apt<'a> {
    /// Prepares `dir`: sources, pins and an empty package state. `native` is the architecture that is solved for;
    /// `foreign` may be named with `NAME:ARCHITECTURE`. `keep` are versions that are preferred to newer ones.
    ///
    /// # Errors
    /// When the directory cannot be written or the archive's keys are missing.
    pub fn prepare(
        dir: &Path,
        archives: Archives<'a>,
        [native, foreign]: [&str; 2],
        keep: &[Solved],
    ) -> Result<Self, AptError> {
        if !archives.keyring.exists() {
            return Err(AptError::NoKeyring(archives.keyring.to_owned()));
        }
        for folder in [
            "etc/apt.conf.d",
            "etc/preferences.d",
            "etc/sources.list.d",
            "state/lists/partial",
            "cache/archives/partial",
        ] {
            let path = dir.join(folder);
            std::fs::create_dir_all(&path).map_err(|error| AptError::Io { path, error })?;
        }
        let dir_text = dir.display();
        let config = format!(
            "Dir \"{dir_text}\";\nDir::Etc \"{dir_text}/etc\";\nDir::State \"{dir_text}/state\";\n\
             Dir::State::status \"{dir_text}/status\";\nDir::Cache \"{dir_text}/cache\";\n\
             APT::Architecture \"{native}\";\nAPT::Architectures {{\"{native}\"; \"{foreign}\";}};\n\
             APT::Install-Recommends \"false\";\nAPT::Get::AllowUnauthenticated \"false\";\n\
             Acquire::Languages \"none\";\nAcquire::Retries \"3\";\nAcquire::http::Timeout \"60\";\n"
        );
        for (name, text) in [
            ("etc/sources.list", sources(&archives).as_str()),
            ("etc/preferences.d/suites", &pins(&archives)),
            ("etc/preferences.d/keep", &keeps(keep)),
            ("apt.conf", &config),
            ("status", ""),
        ] {
            let path = dir.join(name);
            std::fs::write(&path, text).map_err(|error| AptError::Io { path, error })?;
        }
        Ok(Self { dir: dir.to_owned(), config: dir.join("apt.conf"), archives })
    }

    /// Fetches the package lists and checks their signatures.
    ///
    /// # Errors
    /// With apt's own words.
    pub fn update(&self) -> Result<(), AptError> {
        self.run("fetch the package lists", &["update", "--error-on=any"]).map(drop)
    }

    /// Resolves `packages` with their dependencies.
    ///
    /// # Errors
    /// With apt's own words, which name the package that does not exist or cannot be had.
    pub fn solve(&self, packages: &[String]) -> Result<Vec<Solved>, AptError> {
        let mut arguments = vec!["install", "--simulate", "--yes"];
        arguments.extend(packages.iter().map(String::as_str));
        let mut solved: Vec<Solved> =
            self.run("resolve the packages", &arguments)?.lines().filter_map(solved_line).collect();
        solved.sort();
        Ok(solved)
    }

    fn run(&self, what: &'static str, arguments: &[&str]) -> Result<String, AptError> {
        let output = Command::new("apt-get")
            .env("APT_CONFIG", &self.config)
            .env("LC_ALL", "C")
            .args(arguments)
            .output()
            .map_err(|error| AptError::NoApt("apt-get", error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let unknown: Vec<String> = errors.lines().filter_map(unknown_package).collect();
        if !unknown.is_empty() {
            return Err(AptError::NoPackage(unknown));
        }
        let answer = String::from_utf8_lossy(&output.stdout);
        let unmet = answer.split_once("unmet dependencies:").map_or("", |(_, rest)| rest.trim_end());
        Err(AptError::Refused { what, words: format!("{}{unmet}", errors.trim()) })
    }

    /// All packages of the fetched lists by name, architecture and version. Of the kernel flavour's archive only those
    /// that may come from there, whatever apt made of the pins.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub fn listed(&self) -> Result<BTreeMap<(String, String, String), Listed>, AptError> {
        let mut all = BTreeMap::new();
        let mut special = BTreeMap::new();
        let only = patterns(self.archives.kernel.map_or(&[][..], |archive| &archive.only))?;
        let format = "$(REPO_URI) $(FILENAME)";
        let lists =
            self.run("name its lists", &["indextargets", "--format", format, "Created-By: Packages"])?;
        for (base, path) in lists.lines().filter_map(|line| line.split_once(' ')) {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path).map_err(|error| AptError::Io { path, error })?;
            let packages = text.split("\n\n").filter_map(stanza);
            if self.archives.mirror.kernel.as_deref() == Some(base.trim_end_matches('/')) {
                let allowed = packages.filter(|(key, _)| only.iter().any(|pattern| pattern.matches(&key.0)));
                special.extend(allowed.map(|(key, listed)| (key, Listed { kernel_archive: true, ..listed })));
            } else {
                all.extend(packages);
            }
        }
        all.extend(special);
        Ok(all)
    }

    /// The signed date of each suite, as its release file says it (RFC 2822 text).
    ///
    /// # Errors
    /// When a release file cannot be read.
    pub fn dates(&self) -> Result<BTreeMap<String, String>, AptError> {
        let mut dates = BTreeMap::new();
        for path in self.lists("_InRelease")? {
            let text = std::fs::read_to_string(&path).map_err(|error| AptError::Io { path, error })?;
            if let (Some(codename), Some(date)) = (field(&text, "Codename"), field(&text, "Date")) {
                let origin = field(&text, "Origin");
                // Its suite has the name of one of Debian's.
                let kernel = self.archives.kernel.filter(|archive| origin == Some(&archive.origin));
                let name =
                    kernel.map_or(codename.to_owned(), |archive| format!("{} {codename}", archive.origin));
                dates.insert(name, date.to_owned());
            }
        }
        Ok(dates)
    }

    fn lists(&self, suffix: &str) -> Result<Vec<PathBuf>, AptError> {
        let path = self.dir.join("state/lists");
        let entries = std::fs::read_dir(&path).map_err(|error| AptError::Io { path, error })?;
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        found.retain(|path| path.to_string_lossy().ends_with(suffix));
        found.sort();
        Ok(found)
    }
}

fn sources(archives: &Archives<'_>) -> String {
    let mut text = String::new();
    for suite in archives.suites {
        let base = if suite.security { &archives.mirror.security } else { &archives.mirror.main };
        let (keys, name, components) = (archives.keyring.display(), &suite.name, suite.components.join(" "));
        // Writing to a String cannot fail.
        // Seconds since their signed date (sources.list(5), valid-until-min).
        let days = |days| format!(" valid-until-min={}", u64::from(days) * 86_400);
        let valid = suite.valid_days.map(days).unwrap_or_default();
        writeln!(text, "deb [signed-by={keys}{valid}] {base} {name} {components}").unwrap_or_default();
    }
    if let (Some(archive), Some(base)) = (archives.kernel, &archives.mirror.kernel) {
        let (keys, name, components) =
            (archive.keyring.display(), &archive.name, archive.components.join(" "));
        // It need not have lists for the machine that builds.
        writeln!(text, "deb [arch={DEVICE} signed-by={keys}] {base} {name} {components}").unwrap_or_default();
    }
    text
}

/// Takes the packages of `only` from their suites and everything else from the other suites (`apt_preferences(5)`: 600
/// is above the default 500, -1 is never; the first record that matches counts). The kernel flavour's archive is
/// recognised by its origin, because its suite has the name of one of Debian's; it wins over the suites.
fn pins(archives: &Archives<'_>) -> String {
    let mut text = String::new();
    let mut pin = |only: &[String], release: &str, priority: u32| {
        let names: Vec<String> = only.iter().flat_map(|name| [name.clone(), format!("{name}:any")]).collect();
        let names = names.join(" ");
        writeln!(text, "Package: {names}\nPin: release {release}\nPin-Priority: {priority}\n")
            .unwrap_or_default();
        writeln!(text, "Package: *\nPin: release {release}\nPin-Priority: -1\n").unwrap_or_default();
    };
    if let Some(archive) = archives.kernel {
        pin(&archive.only, &format!("o={}", archive.origin), 700);
    }
    for suite in archives.suites.iter().filter(|suite| !suite.only.is_empty()) {
        pin(&suite.only, &format!("n={}", suite.name), 600);
    }
    text
}

fn patterns(texts: &[String]) -> Result<Vec<glob::Pattern>, AptError> {
    let pattern =
        |text: &String| glob::Pattern::new(text).map_err(|error| AptError::Pattern(text.clone(), error));
    texts.iter().map(pattern).collect()
}

fn keeps(keep: &[Solved]) -> String {
    let mut text = String::new();
    for Solved { name, version, .. } in keep {
        // Whatever the architecture: a library that both sides need must have one version (deb-control(5), Multi-Arch),
        // and the lock may have left one of them out.
        writeln!(text, "Package: {name} {name}:any\nPin: version {version}\nPin-Priority: 900\n")
            .unwrap_or_default();
    }
    text
}

/// `Inst NAME[:ARCH] (VERSION ORIGIN... [ARCH])`, as `apt-get --simulate` prints it.
fn solved_line(line: &str) -> Option<Solved> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let inside = rest.split_once('(')?.1.split_once(')')?.0;
    let version = inside.split_ascii_whitespace().next()?;
    let architecture = inside.rsplit_once('[')?.1.split_once(']')?.0;
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    Some(Solved { name: name.into(), architecture: architecture.into(), version: version.into() })
}

/// `E: Unable to locate package NAME`, as apt-get says in the locale C.
fn unknown_package(line: &str) -> Option<String> {
    line.strip_prefix("E: Unable to locate package ").map(str::to_owned)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn stanza(text: &str) -> Option<((String, String, String), Listed)> {
    let name = field(text, "Package")?;
    let key = (name.to_owned(), field(text, "Architecture")?.to_owned(), field(text, "Version")?.to_owned());
    let source = field(text, "Source").unwrap_or(name);
    let listed = Listed {
        path: field(text, "Filename")?.to_owned(),
        kernel_archive: false,
        size: field(text, "Size")?.parse().ok()?,
        sha256: field(text, "SHA256")?.to_owned(),
        source: source.split(' ').next().unwrap_or(source).to_owned(),
    };
    Some((key, listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_suite_that_says_so_may_be_old() {
        let suite = |name: &str, valid_days| Suite {
            name: name.into(),
            components: vec!["main".into()],
            security: false,
            only: Vec::new(),
            valid_days,
        };
        let mirror = Mirror { main: "http://m".into(), security: "http://s".into(), kernel: None };
        let suites = [suite("trixie", None), suite("sid", Some(90))];
        let archives = Archives { suites: &suites, mirror: &mirror, keyring: Path::new("/k"), kernel: None };
        assert_eq!(
            sources(&archives),
            "deb [signed-by=/k] http://m trixie main\ndeb [signed-by=/k valid-until-min=7776000] http://m sid main\n"
        );
    }

    #[test]
    fn reads_the_solvers_answer() {
        let line = "Inst libc6:arm64 (2.41-12 Debian:13/stable, Debian-Security:13 [arm64]) []";
        let solved = Solved { name: "libc6".into(), architecture: "arm64".into(), version: "2.41-12".into() };
        assert_eq!(solved_line(line), Some(solved));
        assert_eq!(solved_line("Conf libc6 (2.41-12 [arm64])"), None);
    }

    #[test]
    fn reads_a_stanza() {
        let text = "Package: bash\nSource: bash (5.2)\nArchitecture: arm64\nVersion: 5.2-1\nFilename: pool/b.deb\n\
                    Size: 7\nSHA256: ab";
        let (key, listed) = stanza(text).unwrap();
        assert_eq!(key.2, "5.2-1");
        assert_eq!((listed.size, listed.source.as_str()), (7, "bash"));
    }
}
