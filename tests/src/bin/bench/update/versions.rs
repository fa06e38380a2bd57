//! The versions that are compared: as it is, as it would be without a month of updates, with one package of before, and with
//! another agent. Built from a copy of the checkout that lies over the checkout in a mount namespace of its own: programs that
//! did not change are not compiled again.

use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::{Fixture, JourneyError, database};
use tayberry::lock::{Lock, Section};

use crate::failed;

/// Suites that only bring updates.
const UPDATES: [&str; 2] = ["trixie-updates", "trixie-security"];
/// What the other agent says differently.
const CHANGE: (&str, &str, &str) = ("agent/src/update/http.rs", "\"tayberry/\"", "\"tayberry-bench/\"");

/// Folders, each with an image and a bundle.
pub(super) struct Versions {
    pub(super) new: PathBuf,
    pub(super) month: PathBuf,
    pub(super) package: PathBuf,
    pub(super) agent: PathBuf,
    /// Packages that a month changes.
    pub(super) changed: usize,
    /// The one package.
    pub(super) one: String,
}

/// Builds all of them below `folder`.
pub(super) fn build(fixture: &Fixture, folder: &Path) -> Result<Versions, JourneyError> {
    let copy = Copy::new(fixture, folder)?;
    let new = copy.version("new", "9.0.1")?;
    let lock = Lock::load(&copy.path("image/tayberry.lock")).map_err(failed)?;
    let old = copy.lock_without_updates()?;
    let changed: Vec<_> = lock
        .section(Section::System)
        .filter(|package| old.version_of(&package.name).is_some_and(|before| before != package.version))
        .cloned()
        .collect();
    let mixed = |names: &dyn Fn(&str) -> bool| {
        let mut mixed = lock.clone();
        for package in
            mixed.package.iter_mut().filter(|one| one.section == Section::System && names(&one.name))
        {
            let before = old.section(Section::System).find(|other| other.name == package.name);
            *package = before.unwrap_or(package).clone();
        }
        mixed
    };
    let month = copy.with_lock(&mixed(&|_| true), "month", "9.0.0")?;
    let mut by_size = changed.clone();
    by_size.sort_by_key(|package| package.size);
    let one = by_size.get(by_size.len() / 2).map(|package| package.name.clone()).unwrap_or_default();
    let package = copy.with_lock(&mixed(&|name| name == one), "package", "9.0.0")?;
    lock.save(&copy.path("image/tayberry.lock")).map_err(failed)?;
    let source = std::fs::read_to_string(copy.path(CHANGE.0))?;
    std::fs::write(copy.path(CHANGE.0), source.replace(CHANGE.1, CHANGE.2))?;
    let agent = copy.version("agent", "9.0.2")?;
    Ok(Versions { new, month, package, agent, changed: changed.len(), one })
}

/// A copy of the checkout.
struct Copy<'a> {
    fixture: &'a Fixture,
    folder: &'a Path,
    program: PathBuf,
}

impl<'a> Copy<'a> {
    fn new(fixture: &'a Fixture, folder: &'a Path) -> Result<Self, JourneyError> {
        let project = &fixture.paths.project;
        let program = folder.join("tayberry");
        std::fs::copy(project.join("target/debug/tayberry"), &program)?;
        let script = "mkdir -p \"$1/target\" && cd \"$0\" && \
            tar -c --exclude=./target --exclude=./out --exclude=./.git --exclude=node_modules . | tar -x -C \"$1\" && \
            cp -a target/device \"$1/target/\"";
        let copy = folder.join("copy");
        std::fs::create_dir(&copy)?;
        done(Command::new("bash").args(["-ec", script]).arg(project).arg(&copy), "the copy of the checkout")?;
        Ok(Self { fixture, folder, program })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join("copy").join(name)
    }

    /// Runs `tayberry` where the copy lies over the checkout.
    fn tayberry(&self, words: &[&std::ffi::OsStr]) -> Result<(), JourneyError> {
        let script = "mount --bind \"$0\" \"$1\" && cd \"$1\" && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "bash", "-ec", script]);
        command.arg(self.folder.join("copy")).arg(&self.fixture.paths.project).arg(&self.program).args(words);
        done(&mut command, "tayberry")
    }

    /// Builds what the copy holds, and its bundle.
    fn version(&self, name: &str, version: &str) -> Result<PathBuf, JourneyError> {
        let out = self.folder.join(name);
        self.tayberry(&[
            "build".as_ref(),
            "--database".as_ref(),
            database().as_ref(),
            "--version".as_ref(),
            version.as_ref(),
            "--out".as_ref(),
            out.as_ref(),
        ])?;
        let image = out.join(format!("tayberry-{version}.img.zst"));
        let project = &self.fixture.paths.project;
        let mut bundle = Command::new(&self.program);
        bundle.arg("bundle").arg(image).arg("--keys").arg(project.join("target/test-keys"));
        done(bundle.arg("--passphrase-file").arg(project.join("target/test-passphrase")), "the bundle")?;
        Ok(out)
    }

    fn with_lock(&self, lock: &Lock, name: &str, version: &str) -> Result<PathBuf, JourneyError> {
        lock.save(&self.path("image/tayberry.lock")).map_err(failed)?;
        self.version(name, version)
    }

    /// What the solver chooses without the suites that bring updates.
    fn lock_without_updates(&self) -> Result<Lock, JourneyError> {
        let (config, lock) = (self.path("image/appliance.toml"), self.path("image/tayberry.lock"));
        let text = std::fs::read_to_string(&config)?;
        let kept = std::fs::read(&lock)?;
        let parts: Vec<&str> = text.split("[[suite]]").collect();
        let is_update = |part: &&str| UPDATES.iter().any(|name| part.contains(&format!("\"{name}\"")));
        let shorter: Vec<&str> = parts.into_iter().filter(|part| !is_update(part)).collect();
        std::fs::write(&config, shorter.join("[[suite]]"))?;
        // Not in the namespace, where apt cannot become another user.
        let mut command = Command::new(&self.program);
        done(
            command.arg("--project").arg(self.folder.join("copy")).args(["lock", "--accept-scripts"]),
            "tayberry lock",
        )?;
        let old = Lock::load(&lock).map_err(failed)?;
        std::fs::write(&config, text)?;
        std::fs::write(&lock, kept)?;
        Ok(old)
    }
}

/// Runs a command whose words are shown as they come.
pub(super) fn done(command: &mut Command, what: &str) -> Result<(), JourneyError> {
    let status = command.stdout(std::io::stderr()).status()?;
    if status.success() { Ok(()) } else { Err(failed(format!("{what} ended with {status}"))) }
}
