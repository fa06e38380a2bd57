//! A project of its own with a cache of its own, in which the program under test runs.

use std::path::PathBuf;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use tayberry::fetch::Cache;
use tayberry::lock::{Lock, Package, Section};

use super::made_up::{CONFIG, LOCK};
use super::program;

pub(crate) struct Project {
    folder: tempfile::TempDir,
    /// Address of its mirror.
    pub(crate) mirror: String,
}

impl Project {
    /// The made-up appliance with these packages in its lock. No mirror answers at first.
    pub(crate) fn new(packages: &[Package]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder, mirror: "http://127.0.0.1:1/debian".to_owned() };
        std::fs::create_dir_all(project.path("image")).unwrap();
        std::fs::write(project.path("image/appliance.toml"), CONFIG).unwrap();
        std::fs::write(project.path("image/tayberry.lock"), LOCK).unwrap();
        let mut lock = Lock::load(&project.path("image/tayberry.lock")).unwrap();
        lock.package = packages.to_owned();
        lock.save(&project.path("image/tayberry.lock")).unwrap();
        project
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Where a package lies once it was checked.
    pub(crate) fn package(&self, package: &Package) -> PathBuf {
        Cache::new(&self.path("cache")).file_of(package)
    }

    /// Names of the files in the package cache.
    pub(crate) fn packages(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("cache/packages")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Prepares a command to run in the project.
    pub(crate) fn prepare(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env("TAYBERRY_CACHE", self.path("cache"))
            .env("TAYBERRY_MIRROR", &self.mirror);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.prepare(program()).args(arguments).output().unwrap()
    }
}

/// A package of the device with these bytes.
pub(crate) fn package(name: &str, version: &str, bytes: &[u8]) -> Package {
    Package {
        section: Section::System,
        name: name.into(),
        architecture: "arm64".into(),
        version: version.into(),
        source: name.into(),
        path: format!("pool/main/{name}_{version}_arm64.deb"),
        kernel_archive: false,
        size: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
        scripts: None,
    }
}

/// What a command said when it failed.
pub(crate) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{:?}: {text}", output.status);
    let last = text.lines().find(|line| line.starts_with("tayberry: "));
    last.unwrap_or_else(|| panic!("no sentence: {text}")).to_owned()
}

/// A command that runs the program or a test with files limited to `blocks` of 512 bytes, as on a full disk: writes fail,
/// or, `killed`, end the process at once.
pub(crate) fn limited(program: &std::path::Path, blocks: u32, killed: bool) -> Command {
    let trap = if killed { "" } else { "trap '' XFSZ; " };
    let mut command = Command::new("sh");
    // POSIX: `ulimit -f` counts 512 bytes; an ignored signal stays ignored.
    command.arg("-c").arg(format!("{trap}ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(program);
    command
}
