//! A folder as a layer of an image: a tar archive that is the same wherever and whenever it is made (OCI image specification,
//! layer.md). Owners are root, times are the archive's signed date, names are sorted.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::build::{BuildError, at};

/// What names a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// SHA-256 of the archive, hexadecimal.
    pub hash: String,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Layer {
    /// The layer of the folder `root`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(root: &Path, epoch: i64) -> Result<Self, BuildError> {
        let mut counted = Counted { hash: Sha256::new(), bytes: 0 };
        archive(root, epoch, &mut counted)?;
        Ok(Self { hash: hex::encode(counted.hash.finalize()), bytes: counted.bytes })
    }
}

struct Counted {
    hash: Sha256,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the archive of `root` to `out`.
///
/// # Errors
/// When the folder cannot be read or `out` not written.
pub fn archive(root: &Path, epoch: i64, out: &mut dyn Write) -> Result<(), BuildError> {
    let mut builder = tar::Builder::new(out);
    for path in crate::files::walk(root).map_err(at(root))? {
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let metadata = std::fs::symlink_metadata(&path).map_err(at(&path))?;
        let mut header = tar::Header::new_gnu();
        header.set_mtime(u64::try_from(epoch).unwrap_or_default());
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        header.set_mode(metadata.permissions().mode() & 0o1777);
        let done = if metadata.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            std::fs::read_link(&path).and_then(|target| builder.append_link(&mut header, inside, target))
        } else if metadata.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            builder.append_data(&mut header, inside, io::empty())
        } else {
            header.set_size(metadata.len());
            std::fs::File::open(&path).and_then(|file| builder.append_data(&mut header, inside, file))
        };
        done.map_err(at(&path))?;
    }
    builder.into_inner().map(drop).map_err(at(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_folder_is_the_same_layer_and_another_is_another() {
        let make = |text: &str, order: [&str; 2]| {
            let folder = tempfile::tempdir().unwrap();
            for name in order {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
            std::fs::create_dir(folder.path().join("folder")).unwrap();
            Layer::of(folder.path(), 1_750_000_000).unwrap()
        };
        let one = make("text", ["a", "b"]);
        assert_eq!(one, make("text", ["b", "a"]));
        assert_ne!(one.hash, make("other", ["a", "b"]).hash);
        assert_eq!(one.bytes % 512, 0);
    }
}
