//! Replaces a file so that a power cut leaves the old or the new one, and reads one that need not be there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;

/// Writes `bytes` beside `path`, for root alone, waits until they are on the disk, and gives them the name.
///
/// # Errors
/// When a step fails; the file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    write(&new, bytes)?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// The value in a file of JSON; none where there is no file.
///
/// # Errors
/// When it cannot be read, has more than `most` bytes, or says something else.
pub fn json<T: DeserializeOwned>(path: &Path, most: u64) -> io::Result<Option<T>> {
    let length = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?.len(),
    };
    if length > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    let read = serde_json::from_slice(&fs::read(path)?);
    read.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Replaces a file of `/run` that others read, who may hold the old one open.
///
/// # Errors
/// When a step fails; the file is as it was.
pub fn show(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
    file.write_all(bytes)?;
    fs::rename(new, path)
}

/// Writes a file for root alone, and waits until it is on the disk.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
