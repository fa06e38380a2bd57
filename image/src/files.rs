//! Writing files so that nothing half-written ever has its final name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A file under construction beside its final place; dropped unfinished, it vanishes.
pub struct Whole {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Whole {
    /// Begins a file that will be called `path`; its folder comes into being.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// The file to write to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Where the unfinished file lies, for tools that write by name.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the data cannot be flushed or the file not renamed.
    pub fn finish(self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        self.file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        self.file.as_file().sync_data()?;
        self.file.persist(&self.path)?;
        Ok(())
    }
}

/// Writes `bytes` to `path` in one step.
///
/// # Errors
/// When the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut whole = Whole::begin(path)?;
    whole.file().write_all(bytes)?;
    whole.finish()
}

/// The newest file in `folder` whose name ends with `suffix`; none if there is none, or no folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn newest(folder: &Path, suffix: &str) -> io::Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let files = entries.into_iter().filter(|entry| entry.file_name().to_string_lossy().ends_with(suffix));
    let newest = files.max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).ok());
    Ok(newest.map(|entry| entry.path()))
}

/// Makes a new file that only its owner may read.
///
/// # Errors
/// When there is one already, or it cannot be written.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// SHA-256 of a file, hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    sha256_of(File::open(path)?)
}

/// SHA-256 of everything that `from` gives, hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(mut from: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// Every path below `root`, folders before their contents, sorted, links not followed.
///
/// # Errors
/// When a folder cannot be read.
pub fn walk(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let mut whole = Whole::begin(&path).unwrap();
        whole.file().write_all(b"half").unwrap();
        drop(whole);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        write_whole(&path, b"whole").unwrap();
        assert_eq!(sha256(&path).unwrap(), hex::encode(Sha256::digest(b"whole")));
    }
}
