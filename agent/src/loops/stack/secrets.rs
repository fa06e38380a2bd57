//! Secrets of services: random, made on the device, kept by Podman. They are files in the containers that name them, and stand in no
//! log, environment or answer.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tayberry_core::stack::Stack;

use super::{Handle, StackError};
use crate::device::random;
use crate::device::systemd::{self, Job};

/// Where Podman lists them (containers/common, pkg/secrets).
const LIST: &str = "/var/lib/containers/storage/secrets/secrets.json";
/// Longest list that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;
/// Where `tayberry-secret@.service` takes them from: in memory.
const FOLDER: &str = "/run/tayberry/secrets";
/// How long Podman may take.
const WITHIN: Duration = Duration::from_secs(120);

#[derive(Default, Deserialize)]
struct List {
    #[serde(rename = "nameToID", default)]
    names: std::collections::BTreeMap<String, String>,
}

impl Handle {
    /// Makes the secrets of `stack` that are not there yet.
    pub(super) async fn make_secrets(&self, stack: &Stack) -> Result<(), StackError> {
        let there = names(Path::new(LIST)).map_err(|error| StackError::Io(LIST.into(), error))?;
        let wanted = stack.secrets.keys().map(|name| format!("stack-{name}"));
        for name in wanted.filter(|name| !there.contains(name)) {
            let path = Path::new(FOLDER).join(&name);
            let io = |error| StackError::Io(path.display().to_string(), error);
            write(&path).map_err(io)?;
            let unit = format!("tayberry-secret@{name}.service");
            let made = systemd::run(&self.0.bus, Job::Start, std::slice::from_ref(&unit), WITHIN).await;
            fs::remove_file(&path).map_err(io)?;
            if !made?.is_empty() {
                return Err(StackError::NotStarted(format!(
                    "{name} was not made; see `journalctl -u {unit}`."
                )));
            }
        }
        Ok(())
    }
}

/// Writes 32 random bytes as hexadecimal digits.
fn write(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(Path::new("/")))?;
    let secret = hex::encode(random::bytes::<32>()?);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(secret.as_bytes())
}

/// Names in Podman's list.
fn names(list: &Path) -> io::Result<BTreeSet<String>> {
    let text = match fs::metadata(list) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Ok(found) if found.len() > MOST_BYTES => return Err(io::Error::other("it is too long")),
        found => found.and_then(|_| fs::read(list))?,
    };
    let list: List = serde_json::from_slice(&text).map_err(io::Error::other)?;
    Ok(list.names.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn podmans_list_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("secrets.json");
        assert!(names(&list).unwrap().is_empty(), "there is none yet");
        let text = r#"{"secrets":{"0a":{"name":"stack-api","id":"0a"}},"nameToID":{"stack-api":"0a"},"idToName":{"0a":"stack-api"}}"#;
        fs::write(&list, text).unwrap();
        assert_eq!(names(&list).unwrap().into_iter().collect::<Vec<_>>(), ["stack-api"]);
        fs::write(&list, "{").unwrap();
        names(&list).unwrap_err();
    }

    #[test]
    fn a_secret_is_random_and_root_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| {
            let path = folder.path().join("secrets").join(name);
            write(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::read_to_string(path).unwrap()
        };
        let (one, other) = (read("one"), read("other"));
        assert!(one.len() == 64 && one != other);
    }
}
