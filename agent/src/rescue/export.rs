//! Everything on the data partition as one archive (tar). A file that cannot be read to its end does not end the archive: the
//! rest of it is zeros, and a list at the end names it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

/// The list of what could not be read.
const PROBLEMS: &str = "COULD-NOT-BE-READ.txt";

/// Writes the archive of `root` to `out`, with paths below `name`.
///
/// # Errors
/// When `out` takes no more.
pub(super) fn write(root: &Path, name: &Path, out: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(out);
    let mut problems = String::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let mut entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => {
                let mut names = Vec::new();
                for entry in entries {
                    match entry {
                        Ok(entry) => names.push(folder.join(entry.file_name())),
                        Err(error) => note(&mut problems, &folder, &error),
                    }
                }
                names
            }
            Err(error) => {
                note(&mut problems, &folder, &error);
                continue;
            }
        };
        entries.sort();
        for path in entries {
            match fs::symlink_metadata(root.join(&path)) {
                Ok(about) => {
                    one(&mut archive, root, name, &path, &about, &mut problems)?;
                    if about.is_dir() {
                        open.push(path);
                    }
                }
                Err(error) => note(&mut problems, &path, &error),
            }
        }
    }
    if !problems.is_empty() {
        let mut header = Header::new_gnu();
        header.set_size(problems.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, PROBLEMS, problems.as_bytes())?;
    }
    archive.into_inner()?.flush()
}

/// Adds a file, folder or link. Sockets and devices are left out: they are made anew when they are needed.
fn one(
    archive: &mut Builder<impl Write>,
    root: &Path,
    name: &Path,
    path: &Path,
    about: &fs::Metadata,
    problems: &mut String,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_metadata(about);
    let (full, inside) = (root.join(path), name.join(path));
    if about.is_symlink() {
        match fs::read_link(&full) {
            Ok(target) => archive.append_link(&mut header, inside, target)?,
            Err(error) => note(problems, path, &error),
        }
    } else if about.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, inside, io::empty())?;
    } else if about.is_file() {
        match File::open(&full) {
            Ok(file) => {
                let mut padded = Padded { file: Some(file), left: about.len(), problem: None };
                archive.append_data(&mut header, inside, &mut padded)?;
                if let Some(error) = padded.problem {
                    note(problems, path, &error);
                }
            }
            Err(error) => note(problems, path, &error),
        }
    }
    Ok(())
}

fn note(problems: &mut String, path: &Path, error: &io::Error) {
    tracing::warn!("{}: {error}", path.display());
    problems.push_str(&format!("{}: {error}\n", path.display()));
}

/// A file of exactly so many bytes: what cannot be read is zeros.
struct Padded {
    file: Option<File>,
    left: u64,
    problem: Option<io::Error>,
}

impl Read for Padded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..most];
        let read = match self.file.as_mut().map(|file| file.read(buffer)) {
            Some(Ok(read)) if read > 0 || most == 0 => read,
            Some(ended) => {
                self.problem =
                    Some(ended.err().unwrap_or_else(|| io::Error::other("it is shorter than it says")));
                self.file = None;
                buffer.fill(0);
                most
            }
            None => {
                buffer.fill(0);
                most
            }
        };
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("lib/deep")).unwrap();
        fs::write(root.join("lib/deep/file"), "contents").unwrap();
        std::os::unix::fs::symlink("deep/file", root.join("lib/link")).unwrap();
        std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let mut bytes = Vec::new();
        write(root, Path::new("data"), &mut bytes).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut seen: Vec<(String, String)> = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((entry.path().unwrap().display().to_string(), text));
        }
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["data/lib", "data/lib/deep", "data/lib/link", "data/lib/deep/file"]);
        assert_eq!(seen[3].1, "contents");
    }

    #[test]
    fn a_file_that_ends_early_is_filled_and_named() {
        let mut padded = Padded { file: Some(tempfile::tempfile().unwrap()), left: 10, problem: None };
        let mut bytes = Vec::new();
        padded.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 10]);
        assert!(padded.problem.is_some());
    }
}
