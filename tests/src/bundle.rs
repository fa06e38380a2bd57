//! Bundles that a publisher would not want: signed by others, of an older version, or of a system that does not work.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tayberry::commands::emulate::newest;
use tayberry::emulate::disk;
use tayberry::publish::keys::Passphrase;
use tayberry::publish::signing::{self, Signing};
use tayberry::ui::{Mode, Ui};
use tayberry_firmware::locate;
use tayberry_format::bundle::container::{BLOCK, Heading};
use tayberry_format::bundle::entries::Entries;
use tayberry_format::bundle::manifest::Manifest;
use tayberry_format::bundle::{index, manifest_name, pack_name};
use tayberry_format::layout;
use tayberry_format::slot::Slot;

use crate::{Fixture, JourneyError};

/// Where `scripts/test` keeps the keys that devices under test trust.
pub(crate) const KEYS: &str = "target/test-keys";
/// Their passphrase.
pub(crate) const PASSPHRASE: &str = "target/test-passphrase";

/// A folder in which a bundle is made.
pub struct Press<'a> {
    fixture: &'a Fixture,
    folder: tempfile::TempDir,
}

impl<'a> Press<'a> {
    /// An empty one.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(fixture: &'a Fixture) -> Result<Self, JourneyError> {
        Ok(Self { fixture, folder: fixture.folder()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keys that no device knows.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn other_keys(&self) -> Result<PathBuf, JourneyError> {
        let keys = self.path("keys");
        self.tayberry(&["keys".as_ref(), "init".as_ref(), keys.as_ref()])?;
        Ok(keys)
    }

    /// The next version, called `version` and signed with `keys` (those of the tests if none).
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn bundle(&self, version: &str, keys: Option<&Path>) -> Result<PathBuf, JourneyError> {
        self.bundle_of(version, keys, |_| Ok(()))
    }

    /// The next version with another kernel command line in its boot partition: `from` is replaced by `to`, which is no longer.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_command_line(&self, version: &str, from: &str, to: &str) -> Result<PathBuf, JourneyError> {
        self.with_command_lines(version, &[(from, to)])
    }

    /// The same with several changes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_command_lines(
        &self,
        version: &str,
        changes: &[(&str, &str)],
    ) -> Result<PathBuf, JourneyError> {
        self.bundle_of(version, None, |image| {
            let file = std::fs::OpenOptions::new().read(true).write(true).open(image)?;
            let place = locate(&file, layout::boot(Slot::A).number, "cmdline.txt")
                .map_err(|error| JourneyError::Failed(error.to_string()))?;
            let extent = place.extents[0];
            let mut line = vec![0; usize::try_from(place.size).unwrap_or_default()];
            file.read_exact_at(&mut line, extent.offset)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut changed = line.clone();
            for (from, to) in changes {
                let next = changed.replacen(from, &format!("{to:from$}", from = from.len()), 1);
                assert!(next != changed && next.len() == changed.len(), "{line}");
                changed = next;
            }
            Ok(file.write_all_at(changed.as_bytes(), extent.offset)?)
        })
    }

    /// The next version with another kernel, which does the same: its archive says that it was packed at another time (RFC 1952, MTIME).
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_other_kernel(&self, version: &str) -> Result<PathBuf, JourneyError> {
        self.bundle_of(version, None, |image| {
            let file = std::fs::OpenOptions::new().read(true).write(true).open(image)?;
            let place = locate(&file, layout::boot(Slot::A).number, "kernel_2712.img")
                .map_err(|error| JourneyError::Failed(error.to_string()))?;
            Ok(file.write_all_at(&[1, 2, 3, 4], place.extents[0].offset + 4)?)
        })
    }

    /// The head of the next version's bundle, all that is judged, with a manifest that `change` changes, signed with the keys
    /// of the tests.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_manifest(&self, change: impl FnOnce(&mut Manifest)) -> Result<PathBuf, JourneyError> {
        let words = |error: &dyn std::fmt::Display| JourneyError::Failed(error.to_string());
        let bundle = std::fs::File::open(self.fixture.bundle("next")?)?;
        let mut entries = Entries::new(std::io::BufReader::new(bundle));
        let (mut manifest, mut kept) = (None, Vec::new());
        while let Some(heading) = entries.advance().map_err(|error| words(&error))? {
            if heading.name.ends_with("/manifest.json") {
                let contents = entries.whole(&heading, index::MAX_BYTES).map_err(|error| words(&error))?;
                manifest = Some(Manifest::decode(&contents).map_err(|error| words(&error))?);
            } else if heading.name.ends_with("/index") {
                let contents = entries.whole(&heading, index::MAX_BYTES).map_err(|error| words(&error))?;
                kept.push((heading.name, contents));
                break;
            }
        }
        let mut manifest = manifest.ok_or_else(|| words(&"no manifest"))?;
        change(&mut manifest);
        let bytes = manifest.encode().map_err(|error| words(&error))?;
        let project = &self.fixture.paths.project;
        let passphrase = std::fs::read_to_string(project.join(PASSPHRASE))?.trim().to_owned();
        let passphrase = Passphrase::new(passphrase).map_err(|error| words(&error))?;
        let signing = Signing::new(&project.join(KEYS), &passphrase).map_err(|error| words(&error))?;
        let name = manifest_name(&manifest.version);
        let named = vec![(name.clone(), signing::target(&bytes))];
        let mut entries = signing.metadata(named, signing::version(0), 30).map_err(|error| words(&error))?;
        entries.push((name, bytes));
        entries.append(&mut kept);
        entries.push((pack_name(&manifest.version), Vec::new()));
        let mut file = Vec::new();
        for (name, contents) in entries {
            let heading = Heading { name, bytes: contents.len() as u64 };
            file.extend(heading.encode().map_err(|error| words(&error))?);
            file.extend(contents);
            file.resize(file.len().next_multiple_of(BLOCK), 0);
        }
        let path = tempfile::Builder::new().suffix(".tayberry").tempfile_in(self.folder.path())?;
        let path = path.keep().map_err(|error| words(&error))?.1;
        std::fs::write(&path, file)?;
        Ok(path)
    }

    fn bundle_of(
        &self,
        version: &str,
        keys: Option<&Path>,
        change: impl FnOnce(&Path) -> Result<(), JourneyError>,
    ) -> Result<PathBuf, JourneyError> {
        let next = self.fixture.paths.out().join("next");
        let image = self.path(&format!("tayberry-{version}.img"));
        disk::from_image(&newest(&next)?, &image, Ui::new(Mode::Text))?;
        change(&image)?;
        let failed = |error: serde_json::Error| JourneyError::Failed(error.to_string());
        let mut built: Value =
            serde_json::from_slice(&std::fs::read(next.join("manifest.json"))?).map_err(failed)?;
        built["version"] = version.into();
        std::fs::write(self.path("manifest.json"), built.to_string())?;
        let ours = self.fixture.paths.project.join(KEYS);
        let keys = keys.unwrap_or(&ours);
        self.tayberry(&["bundle".as_ref(), image.as_ref(), "--keys".as_ref(), keys.as_ref()])?;
        std::fs::remove_file(&image)?;
        Ok(self.path(&format!("tayberry-{version}.tayberry")))
    }

    fn tayberry(&self, words: &[&std::ffi::OsStr]) -> Result<(), JourneyError> {
        let project = &self.fixture.paths.project;
        let output = Command::new(project.join("target/debug/tayberry"))
            .args(words)
            .arg("--passphrase-file")
            .arg(project.join(PASSPHRASE))
            .output()?;
        let words = || JourneyError::Failed(String::from_utf8_lossy(&output.stderr).into_owned());
        if output.status.success() { Ok(()) } else { Err(words()) }
    }
}
