//! The kernel command line of a slot: written by the builder, read by `tayberry-init`. It holds one thing that
//! differs between versions, the root hash.

use crate::verity::{RootHash, VerityError};

/// Name of the parameter that carries the root hash of the slot's system partition.
pub const ROOT_HASH: &str = "tayberry.roothash";

/// Parameters that every slot has. `panic=10`: Debian's kernel would hang for ever after a panic.
/// `watchdog.open_timeout`: the kernel keeps a watchdog that the firmware started alive for so many seconds.
const COMMON: &str =
    "console=tty1 ro quiet loglevel=4 panic=10 oops=panic watchdog.open_timeout=180 rdinit=/init";

/// The line for a slot; `console` is the debug UART's name in this kernel flavour.
#[must_use]
pub fn render(console: &str, root: RootHash) -> String {
    format!("console={console},115200 {COMMON} {ROOT_HASH}={root}\n")
}

/// What is wrong with a command line.
#[derive(Debug, thiserror::Error)]
pub enum CmdlineError {
    /// No root hash.
    #[error("the kernel command line has no {ROOT_HASH}=: this boot partition is not Tayberry's")]
    NoRootHash,
    /// A root hash that is none.
    #[error("{ROOT_HASH}: {0}")]
    RootHash(#[from] VerityError),
}

/// The value of the last parameter called `name`; the last one wins, as in the kernel.
#[must_use]
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_ascii_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).next_back()
}

/// The root hash in a command line. The first one counts: it comes from the slot's signed boot partition,
/// whatever is appended later.
///
/// # Errors
/// When there is none or it is malformed.
pub fn root_hash(line: &str) -> Result<RootHash, CmdlineError> {
    let text = line
        .split_ascii_whitespace()
        .find_map(|word| word.strip_prefix(ROOT_HASH)?.strip_prefix('='))
        .ok_or(CmdlineError::NoRootHash)?;
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let root = RootHash([0xab; 32]);
        let line = render("ttyAMA10", root);
        assert_eq!(root_hash(&line).unwrap(), root);
        assert_eq!(value(&line, "panic"), Some("10"));
        assert_eq!(value(&line, "console"), Some("tty1"));
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn an_appended_root_hash_does_not_count() {
        let line = format!("{ROOT_HASH}={} {ROOT_HASH}={}", RootHash([1; 32]), RootHash([2; 32]));
        assert_eq!(root_hash(&line).unwrap(), RootHash([1; 32]));
        assert!(matches!(root_hash("quiet"), Err(CmdlineError::NoRootHash)));
        assert!(matches!(root_hash("tayberry.roothash=zz"), Err(CmdlineError::RootHash(_))));
    }
}
