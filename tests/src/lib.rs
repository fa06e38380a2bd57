//! What the journeys share: the image under test, a board that boots it, and the system bus of the device.

pub mod authority;
pub mod browser;
pub mod bundle;
pub mod bus;
pub mod console;
pub mod damage;
pub mod datagrams;
pub mod desk;
pub mod device;
pub mod load;
pub mod registry;
pub mod replay;
mod saved;
mod secure;
pub mod shop;
pub mod update;
pub mod web;
pub mod zone;

use std::path::{Path, PathBuf};

use tayberry::commands::emulate::{guest_of, newest, ready_tools};
use tayberry::files;
use tayberry::lock::Lock;
use tayberry::paths::Paths;
use tayberry::tools::Tools;
use tayberry::ui::{Mode, Ui};
use tayberry_format::bundle::SUFFIX;

/// A journey that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The project, its lock or its image.
    #[error(transparent)]
    Command(#[from] tayberry::commands::CommandError),
    /// Where things lie.
    #[error(transparent)]
    Paths(#[from] tayberry::paths::PathsError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] tayberry::lock::LockError),
    /// The virtual Pi 5.
    #[error(transparent)]
    Emulate(#[from] tayberry::emulate::EmulateError),
    /// The device's system bus.
    #[error("the device's system bus: {0}")]
    Bus(#[from] zbus::Error),
    /// A standard interface of the bus.
    #[error("the device's system bus: {0}")]
    Standard(#[from] zbus::fdo::Error),
    /// A file of this machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something did not happen.
    #[error("{0}")]
    Failed(String),
}

/// The image under test and the tools to boot it.
pub struct Fixture {
    /// The compressed image.
    pub image: PathBuf,
    /// The emulator's part of the initramfs.
    pub guest: PathBuf,
    /// The tools of the lock.
    pub tools: Tools,
    /// The checkout and the cache.
    pub paths: Paths,
}

/// What the tests have built with `--database`: what `TAYBERRY_DATABASE` says, as for `scripts/versions`; else what needs no registry.
#[must_use]
pub fn database() -> String {
    std::env::var("TAYBERRY_DATABASE").unwrap_or_else(|_| "stand-in".to_owned())
}

impl Fixture {
    /// The newest image of `out/`.
    ///
    /// # Errors
    /// When there is none; the sentence says what to run.
    pub fn load() -> Result<Self, JourneyError> {
        let paths = Paths::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
        let image = newest(&paths.out())?;
        let tools = ready_tools(&Lock::load(&paths.lock())?, &paths, Ui::new(Mode::Text))?;
        let guest = guest_of(&image).ok_or_else(|| {
            JourneyError::Failed(format!("{} has no emulator part beside it", image.display()))
        })?;
        Ok(Self { image, guest, tools, paths })
    }

    /// The root of trust that the image under test was built with.
    #[must_use]
    pub fn update_root(&self) -> PathBuf {
        self.paths.project.join(bundle::KEYS).join("root.json")
    }

    /// A bundle for devices that run [`Self::image`]: `scripts/test` makes each under its name in `out/`.
    ///
    /// # Errors
    /// When there is none; the sentence says what to run.
    pub fn bundle(&self, name: &str) -> Result<PathBuf, JourneyError> {
        let folder = self.paths.out().join(name);
        files::newest(&folder, SUFFIX)?.ok_or_else(|| {
            JourneyError::Failed(format!("{} holds no bundle: run scripts/test", folder.display()))
        })
    }

    /// A folder for one journey, on the disk that holds the cache.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> Result<tempfile::TempDir, JourneyError> {
        Ok(tempfile::Builder::new().prefix("journey-").tempdir_in(&self.paths.cache)?)
    }
}
