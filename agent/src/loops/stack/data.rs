//! What services keep: how large it is, and removing what none needs any more.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{StackData, StoredImage, Volume, WhichVolume};
use tayberry_core::stack::Stack;
use tayberry_core::stack::quadlet::{self, DATA};

use super::{Handle, StackError, failed, images, store};

/// Where a volume is while it is removed. No service has that name.
const GONE: &str = ".gone";
/// Bytes that `st_blocks` counts in (inode(7)).
const BLOCK: u64 = 512;

impl Handle {
    /// What services keep, and the images that they are made of.
    ///
    /// # Errors
    /// When the data partition cannot be read.
    pub async fn data(&self) -> Result<StackData, Problem> {
        let stacks = self.declared_stacks().map_err(|error| failed(&error))?;
        let images = images::stored(&stacks).map_err(|error| failed(&error))?;
        let declared = stacks.iter().flat_map(quadlet::folders).collect();
        let measured = tokio::task::spawn_blocking(move || measure(Path::new(DATA), &declared, images)).await;
        measured.map_err(io::Error::other).flatten().map_err(|error| failed(&format!("{DATA}: {error}")))
    }

    /// Removes what a service kept.
    ///
    /// # Errors
    /// When the declared stack needs it, it is not there, or it cannot be removed.
    pub async fn remove_volume(&self, which: WhichVolume) -> Result<StackData, Problem> {
        let volume = self
            .data()
            .await?
            .volumes
            .into_iter()
            .find(|one| one.service == which.service && one.volume == which.volume);
        let volume = volume.ok_or(Kind::NotFound)?;
        self.is_unchanging()?;
        if volume.declared {
            let why = format!(
                "The stack has it, or the one before it, to which you can go back: the service {}. Declare others first.",
                volume.service
            );
            return Err(Problem::new(Kind::NotAllowed, why));
        }
        // Both names are those of folders that were found, so nothing else can be meant.
        let path = Path::new(DATA).join(&volume.service).join(&volume.volume);
        let shown = path.display().to_string();
        let removed = tokio::task::spawn_blocking(move || remove(Path::new(DATA), &path)).await;
        removed.map_err(io::Error::other).flatten().map_err(|error| failed(&format!("{shown}: {error}")))?;
        let left = self.data().await?;
        if left.volumes.iter().all(|one| one.service != which.service) {
            self.change(|record| record.keeps_nothing(&which.service))
                .await
                .map_err(|error| failed(&error))?;
        }
        Ok(left)
    }

    /// The stack, and the one before it.
    pub(super) fn declared_stacks(&self) -> Result<Vec<Stack>, StackError> {
        let record = self.record().clone();
        let declared = [Some(record.declared), record.previous].into_iter().flatten();
        declared.filter_map(|one| store::stack(&one).transpose()).collect()
    }
}

/// Removes a volume at once, and its files then: a service that gets it anew finds it empty, or whole.
fn remove(data: &Path, volume: &Path) -> io::Result<()> {
    let gone = data.join(GONE);
    clean_in(data);
    fs::rename(volume, &gone)?;
    fs::remove_dir_all(gone)
}

/// Removes what a power cut left of one.
pub(super) fn clean() {
    clean_in(Path::new(DATA));
}

fn clean_in(data: &Path) {
    match fs::remove_dir_all(data.join(GONE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{GONE} in {}: {error}", data.display());
        }
        _ => {}
    }
}

/// Measures `SERVICE/VOLUME` in `data`.
fn measure(data: &Path, declared: &BTreeSet<String>, images: Vec<StoredImage>) -> io::Result<StackData> {
    let space = statvfs(data.parent().unwrap_or(data))?;
    let mut volumes = Vec::new();
    for service in folders(data)? {
        for volume in folders(&data.join(&service))? {
            let path = data.join(&service).join(&volume);
            volumes.push(Volume {
                bytes: size(&path)?,
                declared: declared.contains(&path.display().to_string()),
                service: service.clone(),
                volume,
            });
        }
    }
    volumes.sort_by_key(|one| std::cmp::Reverse(one.bytes));
    let bytes = |blocks: u64| blocks.saturating_mul(space.fragment_size());
    let (free_bytes, total_bytes) = (bytes(space.blocks_available()), bytes(space.blocks()));
    Ok(StackData { free_bytes, total_bytes, volumes, images })
}

fn folders(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && name != GONE {
            names.push(name);
        }
    }
    Ok(names)
}

/// Bytes on the disk of everything in `path`. What goes meanwhile does not count; links are not followed.
fn size(path: &Path) -> io::Result<u64> {
    let mut left = vec![path.to_owned()];
    let mut bytes = 0;
    while let Some(path) = left.pop() {
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let meta = match fs::symlink_metadata(&path) {
            Err(error) if gone(&error) => continue,
            meta => meta?,
        };
        bytes += meta.blocks() * BLOCK;
        if meta.is_dir() {
            match fs::read_dir(&path) {
                Err(error) if gone(&error) => {}
                entries => left.extend(entries?.filter_map(Result::ok).map(|entry| entry.path())),
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_comes_first_and_what_is_declared_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("stack");
        assert_eq!(measure(&data, &BTreeSet::new(), Vec::new()).unwrap().volumes, [], "there is none yet");
        for (name, bytes) in [("api/files", 1), ("old/files", 300_000), ("redis/kept", 70_000)] {
            fs::create_dir_all(data.join(name).join("deep")).unwrap();
            fs::write(data.join(name).join("deep/file"), vec![1; bytes]).unwrap();
        }
        std::os::unix::fs::symlink("/", data.join("old/files/link")).unwrap();
        let declared = [data.join("redis/kept").display().to_string()].into();
        let found = measure(&data, &declared, Vec::new()).unwrap();
        let names: Vec<_> = found.volumes.iter().map(|one| (one.service.as_str(), one.declared)).collect();
        assert_eq!(names, [("old", false), ("redis", true), ("api", false)]);
        remove(&data, &data.join("old/files")).unwrap();
        assert_eq!(measure(&data, &declared, Vec::new()).unwrap().volumes.len(), 2);
        assert!(!data.join(GONE).exists() && data.join("old").exists());
        assert!((300_000..500_000).contains(&found.volumes[0].bytes) && found.total_bytes > found.free_bytes);
    }
}
