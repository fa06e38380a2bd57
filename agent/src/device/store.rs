//! The state document on the data partition: read with its fallback, written so that a power cut at any point leaves
//! the old or the new one. What to make of what is found is decided in `tayberry-core`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::device::whole_file;
use tayberry_core::settle::{Found, Settled, Source, settle};
use tayberry_format::state::{FORMAT, MAX_BYTES, State, StateError};

/// Folder of the document on the device.
pub const FOLDER: &str = "/var/lib/tayberry";

/// A document that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The state does not fit a document.
    #[error("the settings cannot be saved: {0}")]
    State(#[from] StateError),
}

impl StoreError {
    /// The thread that was to write has ended.
    pub(crate) fn stopped(error: &impl std::fmt::Display) -> Self {
        Self::Io { path: FOLDER.into(), error: io::Error::other(error.to_string()) }
    }
}

/// The owner sees the sentence.
impl From<StoreError> for tayberry_core::request::problem::Problem {
    fn from(error: StoreError) -> Self {
        Self::new(tayberry_core::request::problem::Kind::Failed, error.to_string())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| StoreError::Io { path: path.to_owned(), error }
}

/// The document and its companions, in one folder.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// The steps of saving, in their order. Each leaves the folder such that [`Store::load`] finds the old or the new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Write the new document beside its place, and wait until it is on the disk.
    Write,
    /// Give the current document a second name, so that it stays when its place is taken.
    Keep,
    /// That second name becomes the previous document.
    Retire,
    /// Put a damaged current document aside: it must not replace the good previous one.
    SetAside,
    /// The new document takes its place.
    Replace,
    /// Wait until the names are on the disk.
    Sync,
}

/// What to do, given where the state that holds now came from.
const fn plan(source: Source) -> &'static [Step] {
    match source {
        Source::Current => &[Step::Write, Step::Keep, Step::Retire, Step::Replace, Step::Sync],
        Source::Previous | Source::Lost => &[Step::Write, Step::SetAside, Step::Replace, Step::Sync],
        Source::New => &[Step::Write, Step::Replace, Step::Sync],
    }
}

impl Store {
    /// A store in `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("state-{FORMAT}{suffix}"))
    }

    /// The state that holds.
    ///
    /// # Errors
    /// When a file cannot be read for another reason than being damaged or missing.
    pub fn load(&self) -> Result<Settled, StoreError> {
        Ok(settle(read(&self.file(""))?, read(&self.file(".previous"))?))
    }

    /// Makes `state` the document; the one before becomes the previous.
    ///
    /// # Errors
    /// When it cannot be written; the document stays as it was.
    pub fn save(&self, state: &State) -> Result<(), StoreError> {
        let bytes = state.encode()?;
        fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        plan(self.load()?.source).iter().try_for_each(|step| self.act(*step, &bytes))
    }

    fn act(&self, step: Step, bytes: &[u8]) -> Result<(), StoreError> {
        let (current, new) = (self.file(""), self.file(".new"));
        let rename = |from: &Path, to: &str| fs::rename(from, self.file(to)).map_err(at(from));
        match step {
            Step::Write => whole_file::write(&new, bytes).map_err(at(&new)),
            Step::Keep => {
                let kept = self.file(".kept");
                absent_is_fine(fs::remove_file(&kept)).map_err(at(&kept))?;
                fs::hard_link(&current, &kept).map_err(at(&kept))
            }
            Step::Retire => rename(&self.file(".kept"), ".previous"),
            Step::SetAside => {
                absent_is_fine(fs::rename(&current, self.file(".damaged"))).map_err(at(&current))
            }
            Step::Replace => rename(&new, ""),
            Step::Sync => {
                File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(at(&self.folder))
            }
        }
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn read(path: &Path) -> Result<Found, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let mut bytes = Vec::new();
    // One byte more than allowed shows that it is too long.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(Some(State::decode(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> State {
        State { hostname: Some(name.to_owned().try_into().unwrap()), ..State::default() }
    }

    #[test]
    fn a_power_cut_after_any_step_leaves_the_old_or_the_new_state() {
        for damaged in [false, true] {
            for cut in 0..=5 {
                let folder = tempfile::tempdir().unwrap();
                let store = Store::new(folder.path());
                store.save(&named("older")).unwrap();
                store.save(&named("old")).unwrap();
                if damaged {
                    fs::write(store.file(""), "tayberry-state 1 00\n{}").unwrap();
                }
                let before = store.load().unwrap();
                let bytes = named("new").encode().unwrap();
                for step in plan(before.source).iter().take(cut) {
                    store.act(*step, &bytes).unwrap();
                }
                let after = store.load().unwrap().state;
                assert!(after == before.state || after == named("new"), "{damaged} {cut}: {after:?}");
                // The same again, from wherever it was cut.
                store.save(&named("new")).unwrap();
                assert_eq!(store.load().unwrap().state, named("new"));
                assert!(matches!(read(&store.file(".previous")), Ok(Some(Ok(_)))), "{damaged} {cut}");
            }
        }
    }

    #[test]
    fn what_a_newer_agent_wrote_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let newer = folder.path().join("state-2");
        fs::write(&newer, "of the future").unwrap();
        let store = Store::new(folder.path());
        assert_eq!(store.load().unwrap().source, Source::New);
        store.save(&named("now")).unwrap();
        assert_eq!(fs::read(newer).unwrap(), b"of the future");
    }
}
