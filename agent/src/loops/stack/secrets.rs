//! Secrets of services: made on the device as `tayberry_core::stack::secret` says, kept by Podman. They are files in the containers
//! that name them, and stand in no log, environment or answer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tayberry_core::stack::Stack;
use tayberry_core::stack::secret::{self, Kept, Known, Make};
use tayberry_core::stack::values::Name;

use super::{Handle, StackError};
use crate::device::systemd::{self, Job};
use crate::device::{random, whole_file};

/// Where Podman keeps them (containers/common, pkg/secrets): in [`LIST`] their names, in [`VALUES`] what they say.
const PODMAN: &str = "/var/lib/containers/storage/secrets";
/// Names and numbers.
const LIST: &str = "secrets.json";
/// Number and value, the latter in Base64.
const VALUES: &str = "filedriver/secretsdata.json";
/// Longest file that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;
/// What the names of ours begin with.
const OURS: &str = "stack-";
/// Where `tayberry-secret@.service` takes them from: in memory.
const FOLDER: &str = "/run/tayberry/secrets";
/// So often files are read that say nothing sensible, before they count as lost, and how long to wait in between.
const READS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(500);
/// How long Podman may take.
const WITHIN: Duration = Duration::from_secs(120);

#[derive(Default, Deserialize)]
struct List {
    #[serde(rename = "nameToID", default)]
    names: BTreeMap<String, String>,
}

impl Handle {
    /// Makes the secrets of `stack` that are not there yet, those that get new digits, and the texts that these stand in.
    pub(super) async fn make_secrets(&self, stack: &Stack) -> Result<(), StackError> {
        loop {
            let anew: Vec<Name> =
                stack.secrets.keys().filter(|name| self.record().is_renewed(name)).cloned().collect();
            let makes = secret::next(stack, &kept_or_lost().await?, &anew);
            if makes.is_empty() {
                return Ok(());
            }
            for make in makes {
                let (name, value) = match make {
                    Make::Random(name) => (name, hex::encode(random()?)),
                    Make::Text(name, text) => (name, text),
                };
                tracing::info!("stack: make secret {name}");
                self.make_secret(&name, &value).await?;
                self.change(|record| record.was_renewed(&name)).await?;
            }
        }
    }

    async fn make_secret(&self, name: &Name, value: &str) -> Result<(), StackError> {
        let name = format!("{OURS}{name}");
        let path = Path::new(FOLDER).join(&name);
        let io = |error| StackError::Io(path.display().to_string(), error);
        write(&path, value).map_err(io)?;
        let unit = format!("tayberry-secret@{name}.service");
        let made = systemd::run(&self.0.bus, Job::Start, std::slice::from_ref(&unit), WITHIN).await;
        fs::remove_file(&path).map_err(io)?;
        if made?.is_empty() {
            return Ok(());
        }
        Err(StackError::NotStarted(format!("{name} was not made; see `journalctl -u {unit}`.")))
    }
}

/// What Podman keeps of ours.
pub(super) fn kept() -> Result<Kept, StackError> {
    read(Path::new(PODMAN)).map_err(|error| StackError::Io(PODMAN.into(), error))
}

/// The same where nobody of ours writes. Podman writes its files in place: what a power cut left of them cannot be read, is put aside,
/// and all are made anew; databases learn their passwords at their next start. Somebody else may be writing, so it is read again first.
async fn kept_or_lost() -> Result<Kept, StackError> {
    let io = |error| StackError::Io(PODMAN.into(), error);
    for _ in 0..READS {
        match read(Path::new(PODMAN)) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => tracing::warn!("{PODMAN}: {error}"),
            kept => return kept.map_err(io),
        }
        tokio::time::sleep(AGAIN).await;
    }
    tracing::error!("secrets cannot be read and are made anew");
    put_aside(Path::new(PODMAN)).map_err(io)?;
    Ok(Kept::default())
}

fn put_aside(folder: &Path) -> io::Result<()> {
    for name in [LIST, VALUES] {
        let path = folder.join(name);
        match fs::rename(&path, path.with_added_extension("unread")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    Ok(())
}

fn read(folder: &Path) -> io::Result<Kept> {
    let list: List = whole_file::json(&folder.join(LIST), MOST_BYTES)?.unwrap_or_default();
    let values: Option<BTreeMap<String, String>> = whole_file::json(&folder.join(VALUES), MOST_BYTES)?;
    let values = values.unwrap_or_default();
    let one = |(name, id): (String, String)| {
        let name = name.strip_prefix(OURS)?.parse().ok()?;
        // One without a value is made anew.
        let value = String::from_utf8(STANDARD.decode(values.get(&id)?).ok()?).ok()?;
        Some((name, Known { id, value }))
    };
    Ok(Kept(list.names.into_iter().filter_map(one).collect()))
}

fn random() -> Result<[u8; 32], StackError> {
    random::bytes().map_err(|error| StackError::Io("random digits".into(), error))
}

/// For root alone.
fn write(path: &Path, value: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(Path::new("/")))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_podman_keeps_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(read(folder.path()).unwrap(), Kept::default(), "there is none yet");
        put(
            LIST,
            r#"{"secrets":{"0a":{}},"nameToID":{"stack-api":"0a","stack-lost":"0c","other":"0b"},"idToName":{}}"#,
        );
        put(VALUES, r#"{"0a":"YjdmZg==","0b":"eA=="}"#);
        let api = (String::from("api").parse().unwrap(), Known { id: "0a".into(), value: "b7ff".into() });
        assert_eq!(read(folder.path()).unwrap(), Kept([api].into()));
        put(VALUES, "{");
        assert_eq!(read(folder.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        put_aside(folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Kept::default());
    }

    #[test]
    fn a_secret_on_its_way_is_root_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets/one");
        write(&path, "b7").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(path).unwrap(), "b7");
    }
}
