//! The files that NetworkManager reads its connections from.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use tayberry_core::network::plan::{self, Changes, Files};
use tayberry_core::network::profile::Profile;

/// The files of `folder`; none when it does not exist. A file that is no text counts as one with other contents.
///
/// # Errors
/// When a file cannot be read.
pub fn look(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let text = String::from_utf8_lossy(&fs::read(entry.path())?).into_owned();
        files.insert(entry.file_name().to_string_lossy().into_owned(), text);
    }
    Ok(files)
}

/// Carries `changes` out. NetworkManager refuses files that others may read; each is put in place by a rename, so that
/// it sees the old or the new.
///
/// # Errors
/// When a file cannot be written.
pub fn apply(folder: &Path, changes: &Changes) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    for profile in &changes.write {
        let new = folder.join(format!(".{}.new", profile.file));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(profile.text.as_bytes())?;
        fs::rename(&new, folder.join(profile.file))?;
    }
    changes.remove.iter().try_for_each(|name| fs::remove_file(folder.join(name)))
}

/// Makes `folder` hold exactly `wanted`; whether that changed anything.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(folder: &Path, wanted: &[Profile]) -> io::Result<bool> {
    let changes = plan::plan(wanted, &look(folder)?);
    apply(folder, &changes)?;
    Ok(!changes.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tayberry_core::network::profile::render;
    use tayberry_format::state::{SetupNetwork, State};

    use super::*;

    #[test]
    fn the_second_time_nothing_is_left_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("system-connections");
        let setup_network = SetupNetwork::from_random([3; SetupNetwork::RANDOM]);
        let wanted = render(&State { setup_network, ..State::default() });
        assert!(write(&folder, &wanted).unwrap());
        assert!(!write(&folder, &wanted).unwrap());
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(folder.join("lo.nmconnection"), [0xff]).unwrap();
        assert!(write(&folder, &render(&State::default())).unwrap());
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            2,
            "the cable, and what NetworkManager keeps there"
        );
    }
}
