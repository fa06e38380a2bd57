//! What is left of a system that did not stay: the last words of its kernel, the last lines of its log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tayberry_core::update::evidence;
use tayberry_core::update::record::Crash;

use crate::device::whole_file;

/// Where systemd-pstore puts what the kernel kept over a reset (systemd-pstore.service(8)).
const KEPT: &str = "/var/lib/systemd/pstore";
/// Names of what was there already.
const KNOWN: &str = "/var/lib/tayberry/crashes";
/// Longest message that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// Files that are looked at.
const MOST: usize = 256;

/// A crash that was not there when the agent started the last time.
pub(super) fn new_crash() -> Option<Crash> {
    let files = files();
    let name = |path: &PathBuf| {
        let changed = std::fs::metadata(path).and_then(|data| data.modified()).ok();
        let seconds = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        format!("{} {}", path.display(), seconds.unwrap_or_default().as_secs())
    };
    let known = std::fs::read_to_string(KNOWN).unwrap_or_default();
    let known: BTreeSet<&str> = known.lines().collect();
    let all: Vec<String> = files.iter().map(name).collect();
    let new = files.iter().zip(&all).filter(|(_, name)| !known.contains(name.as_str()));
    let crash = new.filter_map(|(path, _)| words(path)).next_back();
    let now = all.join("\n");
    if known.len() != all.len() || crash.is_some() {
        whole_file::replace(Path::new(KNOWN), now.as_bytes())
            .unwrap_or_else(|error| tracing::warn!("{KNOWN}: {error}"));
    }
    crash
}

/// Kept messages, in the order of their paths.
fn files() -> Vec<PathBuf> {
    let mut open = vec![PathBuf::from(KEPT)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && open.len() < MOST => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found.truncate(MOST);
    found
}

fn words(path: &Path) -> Option<Crash> {
    let length = std::fs::metadata(path).ok()?.len();
    if length > LONGEST {
        return None;
    }
    let text = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
    evidence::crash(&text)
}

/// The last warnings of this boot's log.
pub(super) fn log() -> Vec<String> {
    let mut command = Command::new("journalctl");
    command.args(["--boot", "--priority=warning", "--lines=40", "--output=short-monotonic", "--no-pager"]);
    match command.output() {
        Ok(output) => evidence::tail(&String::from_utf8_lossy(&output.stdout)),
        Err(error) => vec![format!("the log cannot be read: {error}")],
    }
}
