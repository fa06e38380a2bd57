//! Layers laid over each other into one folder (OCI image specification, layer.md): what a later one whites out is gone. Owners are
//! left to whoever packs the folder; devices and sockets have no place in it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, EntryType};

/// Begins the name of what is taken away.
const WHITEOUT: &str = ".wh.";
/// Takes away everything that lower layers have in its folder.
const OPAQUE: &str = ".wh..wh..opq";

/// Lays the layer in `file` over what is in `root`. Returns the paths that it brings.
///
/// # Errors
/// When it is damaged, leads out of the folder, or cannot be written.
pub fn layer(file: &Path, media_type: &str, root: &Path) -> io::Result<Vec<PathBuf>> {
    let file = File::open(file)?;
    let reader: Box<dyn Read> = match media_type.rsplit(['+', '.']).next() {
        Some("gzip") => Box::new(flate2::read::GzDecoder::new(file)),
        Some("zstd") => Box::new(zstd::Decoder::new(file)?),
        Some("tar") => Box::new(file),
        _ => return Err(io::Error::other(format!("{media_type} is no kind of layer that is known here"))),
    };
    let mut archive = Archive::new(reader);
    archive.set_preserve_permissions(true);
    archive.set_unpack_xattrs(false);
    archive.set_preserve_mtime(false);
    let mut brought = Brought { root, paths: BTreeSet::new() };
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        brought
            .take(&mut entry, &path)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    }
    Ok(brought.paths.into_iter().collect())
}

struct Brought<'a> {
    root: &'a Path,
    paths: BTreeSet<PathBuf>,
}

impl Brought<'_> {
    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, path: &Path) -> io::Result<()> {
        let inside: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(io::Error::other("it leads out of its folder"));
        }
        let name = inside.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let folder = inside.parent().unwrap_or(Path::new(""));
        if name == OPAQUE {
            return self.clear(folder);
        }
        if let Some(gone) = name.strip_prefix(WHITEOUT) {
            if ["", ".", ".."].contains(&gone) {
                return Err(io::Error::other("it takes away what is not in its folder"));
            }
            return remove(&self.within(folder)?.join(gone));
        }
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link) {
            return Ok(());
        }
        let there = self.within(folder)?.join(name);
        // The later one counts. A folder stays, with what is in it, if it comes once more.
        let is_folder = there.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if !(is_folder && kind == EntryType::Directory) {
            remove(&there)?;
        }
        if entry.unpack_in(self.root)? {
            self.paths.insert(inside);
            return Ok(());
        }
        Err(io::Error::other("it leads out of its folder"))
    }

    /// A folder of the root. No link on the way may lead out of it.
    fn within(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = self.root.join(folder);
        match path.canonicalize() {
            Ok(real) if !real.starts_with(self.root.canonicalize()?) => {
                Err(io::Error::other("a link on the way leads out of its folder"))
            }
            Ok(_) => Ok(path),
            // It is made by what is unpacked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(error) => Err(error),
        }
    }

    /// Takes away what lower layers brought into a folder.
    fn clear(&self, folder: &Path) -> io::Result<()> {
        let path = self.within(folder)?;
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let inside = folder.join(entry.file_name());
            if !self.paths.contains(&inside) {
                remove(&entry.path())?;
            } else if entry.file_type()?.is_dir() {
                self.clear(&inside)?;
            }
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        found => found.and_then(|_| std::fs::remove_file(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer of these paths: a folder ends with a slash, ` -> ` is a link.
    fn archive(entries: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.as_file());
        for (path, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(0);
            if let Some(target) = text.strip_prefix("-> ") {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, target).unwrap();
            } else if path.ends_with('/') {
                header.set_entry_type(EntryType::Directory);
                builder.append_data(&mut header, path, io::empty()).unwrap();
            } else {
                header.set_size(text.len() as u64);
                // As a hostile archive writes it: the library would refuse `..`.
                header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
                header.set_cksum();
                builder.append(&header, text.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap();
        file
    }

    fn lay(root: &Path, entries: &[(&str, &str)]) -> io::Result<Vec<PathBuf>> {
        layer(archive(entries).path(), "application/vnd.oci.image.layer.v1.tar", root)
    }

    #[test]
    fn the_last_layer_counts_and_what_is_whited_out_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        lay(
            root,
            &[("etc/", ""), ("etc/a", "1"), ("etc/b", "1"), ("old/", ""), ("old/x", "1"), ("turns", "file")],
        )
        .unwrap();
        lay(
            root,
            &[("etc/a", "2"), ("etc/.wh.b", ""), ("old/y", "2"), ("old/.wh..wh..opq", ""), ("turns/", "")],
        )
        .unwrap();
        let read = |name: &str| std::fs::read_to_string(root.join(name)).ok();
        assert_eq!(
            (read("etc/a"), read("etc/b"), read("old/x"), read("old/y")),
            (Some("2".into()), None, None, Some("2".into()))
        );
        assert!(root.join("turns").is_dir());
        lay(root, &[("old/sub/", ""), ("old/sub/x", "1")]).unwrap();
        lay(root, &[("old/sub/", ""), ("old/.wh..wh..opq", "")]).unwrap();
        assert!(root.join("old/sub").is_dir() && !root.join("old/sub/x").exists());
    }

    #[test]
    fn nothing_is_written_or_removed_outside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let outside = folder.path().join("outside");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("kept"), "kept").unwrap();
        let link = format!("-> {}", outside.display());
        for entries in [
            [("../outside/new", "x"), ("a", "")],
            [("way", link.as_str()), ("way/new", "x")],
            [("way", link.as_str()), ("way/.wh.kept", "")],
            [("way", link.as_str()), ("way/.wh..wh..opq", "")],
            [("a", ""), (".wh...", "")],
        ] {
            lay(&root, &entries).unwrap_err();
            assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "{entries:?}");
            remove(&root.join("way")).unwrap();
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_said() {
        let file = archive(&[("a", "1")]);
        let error = layer(file.path(), "application/x-7z", Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("x-7z"), "{error}");
    }
}
