//! Why the device switched itself off: kept on the data partition, and said once when it runs again.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::whole_file;

/// The file.
const FILE: &str = "/var/lib/tayberry/last-words.json";
/// Longest file.
const MAX_BYTES: u64 = 4096;

#[derive(Serialize, Deserialize)]
struct Words {
    sentence: String,
}

/// Keeps the reason.
///
/// # Errors
/// When it cannot be written.
pub fn leave(sentence: &str) -> io::Result<()> {
    let words = Words { sentence: sentence.to_owned() };
    whole_file::replace(Path::new(FILE), &serde_json::to_vec(&words)?)
}

/// The reason that was kept, if any; it is forgotten.
#[must_use]
pub fn take() -> Option<String> {
    let words = whole_file::json::<Words>(Path::new(FILE), MAX_BYTES);
    let words = words.unwrap_or_else(|error| {
        tracing::warn!("{FILE}: {error}");
        None
    })?;
    if let Err(error) = std::fs::remove_file(FILE) {
        tracing::warn!("{FILE}: {error}");
    }
    Some(words.sentence)
}
