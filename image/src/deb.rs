//! Reads Debian packages (deb(5)): their maintainer scripts and their files. Nothing of them is ever run.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Scripts that dpkg would run, in the order in which they are shown.
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];
/// Largest maintainer script that is read, in bytes.
const MAX_SCRIPT: u64 = 1 << 20;
/// Top-level folders that merged-/usr turns into links.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// A package that cannot be read or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The package or the file to be written.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A part that every package has is missing.
    #[error("{0} is not a Debian package: it has no {1}")]
    Missing(PathBuf, &'static str),
    /// An unknown compression.
    #[error("{0}: {1} is compressed in a way that is not supported")]
    Compression(PathBuf, String),
    /// A path that leaves the tree.
    #[error("{package}: {path} would be written outside the tree; the package is refused")]
    Outside {
        /// The package.
        package: PathBuf,
        /// The offending path.
        path: PathBuf,
    },
}

/// What is done with the files of a part.
type Visitor<'a> = dyn FnMut(&mut tar::Archive<&mut dyn Read>) -> Result<(), DebError> + 'a;

/// Opens the member of the package whose name begins with `part` and hands its files to `each`.
fn members(deb: &Path, part: &'static str, each: &mut Visitor<'_>) -> Result<(), DebError> {
    let io = |error| DebError::Io { path: deb.to_owned(), error };
    let mut archive = ar::Archive::new(io::BufReader::new(File::open(deb).map_err(io)?));
    while let Some(entry) = archive.next_entry() {
        let mut entry = entry.map_err(io)?;
        let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
        let Some(suffix) = name.strip_prefix(part) else { continue };
        let mut reader: Box<dyn Read + '_> = match suffix {
            ".tar" => Box::new(&mut entry),
            ".tar.xz" => Box::new(liblzma::read::XzDecoder::new(&mut entry)),
            ".tar.gz" => Box::new(flate2::read::GzDecoder::new(&mut entry)),
            ".tar.zst" => Box::new(zstd::Decoder::new(&mut entry).map_err(io)?),
            _ => return Err(DebError::Compression(deb.to_owned(), name)),
        };
        return each(&mut tar::Archive::new(reader.as_mut()));
    }
    Err(DebError::Missing(deb.to_owned(), part))
}

/// The maintainer scripts of a package as one text, without comments and blank lines, so that a new comment of a
/// packaging helper is no change. Empty when it has none.
///
/// # Errors
/// When the package cannot be read.
pub fn scripts(deb: &Path) -> Result<String, DebError> {
    let io = |error| DebError::Io { path: deb.to_owned(), error };
    let mut found: Vec<(usize, String)> = Vec::new();
    members(deb, "control", &mut |archive| {
        for entry in archive.entries().map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path().map_err(io)?.into_owned();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(order) = SCRIPTS.iter().position(|script| *script == name) else { continue };
            let mut bytes = Vec::new();
            entry.take(MAX_SCRIPT).read_to_end(&mut bytes).map_err(io)?;
            found.push((order, format!("== {name}\n{}", normalised(&String::from_utf8_lossy(&bytes)))));
        }
        Ok(())
    })?;
    found.sort();
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

fn normalised(script: &str) -> String {
    let lines = script.lines().map(str::trim_end);
    lines
        .filter(|line| {
            let line = line.trim_start();
            !line.is_empty() && (!line.starts_with('#') || line.starts_with("#!"))
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Unpacks a package into `root`, which may hold others already. Returns the paths of its files and links,
/// without the leading `/`. Files and links for which `skip` is true are passed by.
///
/// # Errors
/// When the package cannot be read, the tree cannot be written, or a path would leave the tree.
pub fn unpack(deb: &Path, root: &Path, skip: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, DebError> {
    let mut paths = Vec::new();
    members(deb, "data", &mut |archive| {
        paths.extend(extract(archive, deb, root, skip)?);
        Ok(())
    })?;
    Ok(paths)
}

/// The same with the entries of `archive`, which are of the file `from`. Devices and pipes are passed by.
///
/// # Errors
/// As [`unpack`].
pub fn extract(
    archive: &mut tar::Archive<&mut dyn Read>,
    from: &Path,
    root: &Path,
    skip: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, DebError> {
    let io = |error| DebError::Io { path: from.to_owned(), error };
    let mut paths = Vec::new();
    for entry in archive.entries().map_err(io)? {
        let mut entry = entry.map_err(io)?;
        let path = entry.path().map_err(io)?.into_owned();
        let Some(inside) = merged(&path) else {
            return Err(DebError::Outside { package: from.to_owned(), path });
        };
        let kind = entry.header().entry_type();
        let is_device = kind.is_character_special() || kind.is_block_special() || kind.is_fifo();
        if inside.as_os_str().is_empty() || is_device || (!kind.is_dir() && skip(&inside)) {
            continue;
        }
        if place(&mut entry, root, &inside).map_err(|error| DebError::Io { path: inside.clone(), error })? {
            paths.push(inside);
        }
    }
    Ok(paths)
}

/// The path inside the tree, with the top-level folders that merged-/usr moved; none if it has `..`.
fn merged(path: &Path) -> Option<PathBuf> {
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    let moved = parts.len() > 1 && parts.first().is_some_and(|first| MERGED.iter().any(|name| first == name));
    let inside: PathBuf = parts.iter().collect();
    Some(if moved { Path::new("usr").join(inside) } else { inside })
}

/// Writes one entry; true when it is a file or a link.
fn place(entry: &mut tar::Entry<'_, &mut dyn Read>, root: &Path, inside: &Path) -> io::Result<bool> {
    let target = root.join(inside);
    refuse_links(root, inside)?;
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let kind = entry.header().entry_type();
    if kind.is_dir() {
        // Two packages that are unpacked at the same time may have it: `create_dir_all` takes one that came meanwhile.
        std::fs::create_dir_all(&target)?;
        // Folders stay writable for us; the file system's modes come from here all the same.
        let mode = entry.header().mode()? | 0o700;
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode))?;
        return Ok(false);
    }
    match std::fs::symlink_metadata(&target) {
        Ok(old) if old.is_dir() && kind.is_symlink() => return Ok(false),
        Ok(_) => std::fs::remove_file(&target)?,
        Err(_) => {}
    }
    if let Some(link) = entry.link_name()? {
        if kind.is_hard_link() {
            let original = merged(&link).ok_or_else(|| io::Error::other("a hard link leaves the tree"))?;
            refuse_links(root, &original)?;
            std::fs::hard_link(root.join(original), &target)?;
        } else {
            symlink(link, &target)?;
        }
        return Ok(true);
    }
    let mode = entry.header().mode()?;
    let mut file = File::create(&target)?;
    io::copy(entry, &mut file)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode & 0o7777))?;
    Ok(true)
}

/// A folder on the way that is a link could lead out of the tree. Only the links of merged-/usr are known good,
/// and [`merged`] has already followed those.
fn refuse_links(root: &Path, inside: &Path) -> io::Result<()> {
    let mut at = root.to_owned();
    for part in inside.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        if std::fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink()) {
            return Err(io::Error::other(format!("its folder {} is a link", at.display())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_usr_moves_the_old_folders_but_not_their_links() {
        assert_eq!(merged(Path::new("./bin/sh")), Some("usr/bin/sh".into()));
        assert_eq!(merged(Path::new("./lib")), Some("lib".into()));
        assert_eq!(merged(Path::new("./etc/../..")), None);
    }

    #[test]
    fn comments_are_no_change() {
        assert_eq!(
            normalised("#!/bin/sh\n# Automatically added by dh/13\n\nset -e  \n"),
            "#!/bin/sh\nset -e\n"
        );
    }
}
