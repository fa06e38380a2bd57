//! Writes what `tayberry-core` renders from the state to `/run`, and gives the kernel the host name.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use tayberry_core::render::Entry;

/// Makes `folder` hold exactly `entries`. Each is put in place by a rename, so that a reader sees the old or the new.
///
/// # Errors
/// When an entry cannot be written.
pub fn write(folder: &Path, entries: &[Entry]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in entries {
        let new = folder.join(format!(".{}.new", entry.name()));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match entry {
            Entry::File { text, .. } => {
                let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
                io::Write::write_all(&mut file, text.as_bytes())?;
            }
            Entry::Link { target, .. } => symlink(target, &new)?,
        }
        fs::rename(&new, folder.join(entry.name()))?;
    }
    for old in fs::read_dir(folder)? {
        let old = old?;
        if !entries.iter().any(|entry| old.file_name() == entry.name()) {
            fs::remove_file(old.path())?;
        }
    }
    Ok(())
}

/// Gives the kernel the host name.
///
/// # Errors
/// When it refuses.
pub fn set_hostname(name: &str) -> io::Result<()> {
    Ok(nix::unistd::sethostname(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_what_was_rendered_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &str| Entry::File { name: "hostname", text: text.to_owned() };
        let link = Entry::Link { name: "localtime", target: "/usr/share/zoneinfo/UTC".to_owned() };
        write(folder.path(), &[file("old"), link]).unwrap();
        write(folder.path(), &[file("new")]).unwrap();
        write(folder.path(), &[file("new")]).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("hostname")).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
