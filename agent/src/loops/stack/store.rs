//! What is declared, on the data partition, and the stack that comes with the system.

use std::collections::BTreeMap;
use std::path::Path;

use tayberry_core::request::stack::ComposeFile;
use tayberry_core::stack::Stack;
use tayberry_core::stack::record::{Declared, Record};

use super::StackError;
use crate::device::whole_file;

/// What is declared: on the data partition.
const RECORD: &str = "/var/lib/tayberry/stack.json";
/// The stack that comes with the system.
const SYSTEM: &str = "/usr/share/tayberry/stack/compose.yaml";
/// Longest record that is read, in bytes.
const MOST_BYTES: u64 = 2 << 20;

/// The record, or an empty one and why. A device with an owner and none has the system's stack.
pub(super) fn open(owned: bool) -> (Record, Option<String>) {
    settle(Path::new(RECORD), owned)
}

/// Keeps it: what is declared holds after a power cut, too.
pub(super) async fn save(record: &Record) -> Result<(), StackError> {
    let text = serde_json::to_vec_pretty(record).map_err(std::io::Error::other);
    let saved = async {
        let text = text?;
        tokio::task::spawn_blocking(move || whole_file::replace(Path::new(RECORD), &text)).await?
    };
    saved.await.map_err(|error| StackError::Io(RECORD.into(), error))
}

/// The record, or an empty one and why; what cannot be read is kept beside it.
fn settle(path: &Path, owned: bool) -> (Record, Option<String>) {
    let error = match whole_file::json(path, MOST_BYTES) {
        Ok(Some(record)) => return (record, None),
        Ok(None) if owned => return (Record::new_owner(), None),
        Ok(None) => return (Record::default(), None),
        Err(error) => error,
    };
    let aside = path.with_added_extension("unread");
    let kept = match std::fs::rename(path, &aside) {
        Ok(()) => format!("It is kept as {}.", aside.display()),
        Err(error) => format!("It could not be kept: {error}."),
    };
    let why =
        format!("What was declared of the stack cannot be read ({error}). {kept} Declare the stack again.");
    (Record::default(), Some(why))
}

/// What a declaration says; none for no stack.
pub(super) fn file(declared: &Declared) -> Result<Option<ComposeFile>, StackError> {
    match declared {
        Declared::Nothing => Ok(None),
        Declared::Own(own) => Ok(Some(own.0.clone())),
        Declared::System => {
            let text = std::fs::read_to_string(SYSTEM);
            let compose = text.map_err(|error| StackError::Io(SYSTEM.into(), error))?;
            Ok(Some(ComposeFile { compose, env_files: BTreeMap::new() }))
        }
    }
}

/// The stack that is declared; none where there is no stack.
pub(super) fn stack(declared: &Declared) -> Result<Option<Stack>, StackError> {
    let file = file(declared)?;
    Ok(file.map(|file| Stack::parse_with(&file.compose, &file.env_files)).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_kept_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.json");
        assert_eq!(settle(&path, false), (Record::default(), None), "a new device has none");
        assert_eq!(settle(&path, true).0.declared, Declared::System, "one with an owner has the system's");
        let mut record = Record::default();
        record.declare(Declared::Nothing);
        std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(settle(&path, true), (record, None));
        for text in ["", "{", r#"{"declared":{"newer":1},"previous":null}"#] {
            std::fs::write(&path, text).unwrap();
            let (empty, why) = settle(&path, true);
            assert_eq!(empty, Record::default());
            assert!(why.unwrap().contains("Declare the stack again"));
            assert_eq!(std::fs::read_to_string(folder.path().join("stack.json.unread")).unwrap(), text);
            assert!(!path.exists());
        }
    }
}
