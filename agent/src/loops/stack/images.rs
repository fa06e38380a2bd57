//! Images that somebody hands in, and removing those of earlier stacks that neither the declared one nor the one before it names. What
//! services keep is never removed by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::statvfs::statvfs;
use serde::de::DeserializeOwned;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{Archive, Images, StackData, StoredImage, WhichImage};
use tayberry_core::stack::Stack;
use tayberry_core::stack::images::{self, Image, Layer};
use tayberry_core::stack::registry::{self, Reference, Source};
use tokio::task::JoinSet;

use super::{Handle, StackError, failed};
use crate::device::systemd::{self, Job};
use crate::device::{journal, whole_file};

/// Where Podman lists them (containers/storage, images.go).
const LIST: &str = "/var/lib/containers/storage/overlay-images/images.json";
/// Where it lists their layers (layers.go).
const LAYERS: &str = "/var/lib/containers/storage/overlay-layers/layers.json";
/// The images of the system partition.
const SYSTEM: &str = "/usr/share/tayberry/containers/overlay-images/images.json";
/// Longest list that is read, in bytes.
const MOST_BYTES: u64 = 8 << 20;
/// Where an archive waits for Podman: `tayberry-load.service` reads it.
const ARCHIVE: &str = "/var/lib/tayberry/images/incoming.tar";
/// So many times its length an archive needs: itself, Podman's copy of it, and what is unpacked of it.
const UNPACKED: u64 = 4;
/// Room in bytes that must be left: Podman is root, and the file system keeps nothing back from it.
const RESERVE: u64 = 128 << 20;
/// How long Podman may take to unpack one.
const LOAD: Duration = Duration::from_secs(20 * 60);
/// How long Podman may take to remove one.
const REMOVE: Duration = Duration::from_secs(120);

impl Handle {
    /// Those of the data partition.
    ///
    /// # Errors
    /// When Podman's list cannot be read.
    pub fn images(&self) -> Result<Images, Problem> {
        let mut names: Vec<String> =
            list().map_err(|error| failed(&error))?.into_iter().flat_map(|image| image.names).collect();
        names.sort();
        Ok(Images { images: names })
    }

    /// Takes an archive from `file`.
    ///
    /// # Errors
    /// When there is no room for it, it breaks off, or Podman does not understand it.
    pub async fn load_images(&self, archive: Archive, file: File) -> Result<Images, Problem> {
        // Two at once would be one file.
        let Ok(_one) = self.0.loading.try_lock() else {
            return Err(Problem::new(
                Kind::NotAllowed,
                "Another archive is being taken. Try again once it was.",
            ));
        };
        let path = Path::new(ARCHIVE);
        let kept = tokio::task::spawn_blocking(move || keep(path, archive.bytes, file)).await;
        let loaded = match kept.map_err(|error| failed(&error)).flatten() {
            Ok(()) => self.load().await,
            Err(problem) => Err(problem),
        };
        clean();
        loaded?;
        self.images()
    }

    async fn load(&self) -> Result<(), Problem> {
        let unit = "tayberry-load.service".to_owned();
        let bad = systemd::run(&self.0.bus, Job::Start, std::slice::from_ref(&unit), LOAD).await;
        if bad.map_err(|error| failed(&error))?.is_empty() {
            return Ok(());
        }
        let said = journal::last(&unit, 8).await.unwrap_or_default();
        let said = said.iter().rfind(|line| line.contains("podman")).cloned().unwrap_or_default();
        Err(Problem::new(Kind::NotAllowed, format!("Podman does not take this archive: {said}")))
    }

    /// Removes one that no stack has.
    ///
    /// # Errors
    /// When the declared stack has it or the one before it, it is not there, or Podman does not remove it.
    pub async fn remove_image(&self, which: &WhichImage) -> Result<StackData, Problem> {
        let all = list().map_err(|error| failed(&error))?;
        let is_it = |image: &&Image| image.id == which.image || image.names.contains(&which.image);
        let image = all.iter().find(is_it).ok_or(Kind::NotFound)?;
        self.is_unchanging()?;
        if images::is_needed(image, &self.declared_stacks().map_err(|error| failed(&error))?) {
            let why = "The stack has this image, or the one before it, to which you can go back. Declare others first.";
            return Err(Problem::new(Kind::NotAllowed, why));
        }
        if !self.forget(&image.id).await.map_err(|error| failed(&error))? {
            let why = format!("Podman does not remove it; {} says why.", log_of(&image.id));
            return Err(Problem::new(Kind::NotAllowed, why));
        }
        self.data().await
    }

    /// Has Podman remove an image; false if it does not.
    async fn forget(&self, id: &str) -> Result<bool, StackError> {
        let unit = format!("tayberry-forget@{id}.service");
        Ok(systemd::run(&self.0.bus, Job::Start, std::slice::from_ref(&unit), REMOVE).await?.is_empty())
    }

    /// Removes those of earlier stacks. What cannot be removed now is tried again after the next change.
    pub(super) async fn prune(&self) {
        let record = self.record().clone();
        if record.forgotten().is_empty() {
            return;
        }
        let pruned = async {
            self.remove_unneeded(record.forgotten()).await?;
            let left = list()?;
            let gone = |reference: &&String| !left.iter().any(|image| images::is(image, reference));
            let gone: Vec<&String> = record.forgotten().iter().filter(gone).collect();
            self.change(|now| gone.iter().for_each(|reference| now.was_removed(reference))).await
        };
        if let Err(error) = pruned.await {
            tracing::warn!("images of earlier stacks are not removed: {error}");
        }
    }

    async fn remove_unneeded(&self, forgotten: &BTreeSet<String>) -> Result<(), StackError> {
        for id in images::unneeded(&list()?, &self.declared_stacks()?, forgotten) {
            if self.forget(id).await? {
                tracing::info!("stack: the image {id} was removed");
            } else {
                tracing::warn!("the image {id} was not removed; {} says why", log_of(id));
            }
        }
        Ok(())
    }
}

fn log_of(id: &str) -> String {
    format!("`journalctl -u tayberry-forget@{id}`")
}

/// Those of the data partition, the largest first, and whether one of these stacks has them.
pub(super) fn stored(stacks: &[Stack]) -> Result<Vec<StoredImage>, StackError> {
    let layers: Vec<Layer> = read(LAYERS)?;
    let mut all: Vec<StoredImage> = list()?
        .into_iter()
        .map(|image| StoredImage {
            bytes: images::bytes(&image, &layers),
            declared: images::is_needed(&image, stacks),
            id: image.id,
            names: image.names,
        })
        .collect();
    all.sort_by_key(|image| std::cmp::Reverse(image.bytes));
    Ok(all)
}

/// Where the images of a stack come from, asked of all registries at once.
pub(super) async fn sources(stack: &Stack) -> BTreeMap<String, Source> {
    let mut asked = JoinSet::new();
    for reference in images::references(stack).map(str::to_owned) {
        asked.spawn_blocking(move || (source(&reference), reference));
    }
    asked.join_all().await.into_iter().map(|(source, reference)| (reference, source)).collect()
}

/// Where one comes from: what is here is not fetched.
fn source(text: &str) -> Source {
    let reference = Reference::read(text);
    for (list, folder) in [(of_the_system(), SYSTEM), (list(), LIST)] {
        let full = format!("{}/{}", reference.registry, reference.repository);
        let names = [
            text.to_owned(),
            format!("{full}:{}", reference.version),
            format!("{full}@{}", reference.version),
        ];
        let here = |image: &Image| names.iter().any(|name| images::is(image, name));
        let Some(image) = list.unwrap_or_default().into_iter().find(here) else { continue };
        // An image's number is the hash of its configuration (containers/storage, image.go: big data by their keys in base64).
        let name = format!("={}", STANDARD.encode(format!("sha256:{}", image.id)));
        let path = Path::new(folder).with_file_name(&image.id).join(name);
        let config = fs::read(path).ok().and_then(|bytes| registry::architecture(&bytes));
        return config.map_or_else(|| Source::Unknown("it is here".to_owned()), |one| Source::For(vec![one]));
    }
    if reference.registry == "localhost" {
        return Source::Missing;
    }
    crate::device::registry::source(&reference, Path::new(super::registries::FOLDER))
}

/// Removes an archive that a power cut left.
pub(super) fn clean() {
    match fs::remove_file(ARCHIVE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!("{ARCHIVE}: {error}"),
        _ => {}
    }
}

/// Those of the system partition.
pub(super) fn of_the_system() -> Result<Vec<Image>, StackError> {
    read(SYSTEM)
}

fn list() -> Result<Vec<Image>, StackError> {
    read(LIST)
}

fn read<T: DeserializeOwned>(path: &str) -> Result<Vec<T>, StackError> {
    let list = whole_file::json(Path::new(path), MOST_BYTES);
    Ok(list.map_err(|error| StackError::Io(path.into(), error))?.unwrap_or_default())
}

/// Writes `bytes` of `file` to `path`, if there is room for them and for what is unpacked of them.
fn keep(path: &Path, bytes: u64, file: File) -> Result<(), Problem> {
    let words = |error: io::Error| failed(&format!("{}: {error}", path.display()));
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(words)?;
    let space = statvfs(folder).map_err(|errno| words(errno.into()))?;
    let room = space.blocks_available().saturating_mul(space.fragment_size());
    if bytes.saturating_mul(UNPACKED).saturating_add(RESERVE) > room {
        let why = format!(
            "An archive of {bytes} bytes needs {UNPACKED} times that, and {RESERVE} bytes more; {room} can be written."
        );
        return Err(Problem::new(Kind::NotAllowed, why));
    }
    let mut written = File::create(path).map_err(words)?;
    let copied = io::copy(&mut file.take(bytes), &mut written).map_err(words)?;
    if copied == bytes {
        return Ok(());
    }
    Err(Problem::new(Kind::BadRequest, format!("The archive broke off after {copied} of {bytes} bytes.")))
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    #[test]
    fn an_archive_is_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images/incoming.tar");
        let hand_in = |bytes: u64| {
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, b"archive").unwrap();
            file.rewind().unwrap();
            keep(&path, bytes, file)
        };
        hand_in(7).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"archive");
        assert_eq!(hand_in(8).unwrap_err().kind, Kind::BadRequest);
        assert_eq!(hand_in(u64::MAX / 2).unwrap_err().kind, Kind::NotAllowed);
    }
}
