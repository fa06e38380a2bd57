//! What the running operating system says of itself: `os-release` (os-release(5)).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use tayberry_format::owner::Repository;

use super::whole_file;

const FILE: &str = "/usr/lib/os-release";
/// Written by `tayberry build --update-repository`.
const REPOSITORY: &str = "/usr/share/tayberry/repository";
/// Written by `tayberry build`.
const DATA_FORMATS: &str = "/usr/share/tayberry/data-formats.json";
/// Longest list that is read, in bytes.
const MOST_BYTES: u64 = 4096;

struct System {
    name: String,
    version: String,
}

/// It lies in the verified system partition and never changes while that is mounted.
static SYSTEM: LazyLock<System> = LazyLock::new(|| {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    let value = |name| value(&text, name).unwrap_or("unknown").to_owned();
    System { name: value("IMAGE_ID"), version: value("IMAGE_VERSION") }
});

/// Version of the operating system, and of the agent that came with it.
#[must_use]
pub fn version() -> &'static str {
    &SYSTEM.version
}

/// Name of the appliance.
#[must_use]
pub fn name() -> &'static str {
    &SYSTEM.name
}

/// The formats in which the stack of this system keeps data, and their versions.
///
/// # Errors
/// When the system's own list cannot be read.
pub fn data_formats() -> std::io::Result<BTreeMap<String, u32>> {
    whole_file::json(Path::new(DATA_FORMATS), MOST_BYTES).map(Option::unwrap_or_default)
}

/// Address of the repository that the image was built with.
#[must_use]
pub fn repository() -> Option<Repository> {
    let text = std::fs::read_to_string(REPOSITORY).ok()?;
    Repository::try_from(text.trim().to_owned()).ok()
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_and_without_quotes() {
        let text = "ID=tayberry\nIMAGE_ID=\"shed\"\nIMAGE_VERSION=1.2\n";
        assert_eq!(value(text, "IMAGE_ID"), Some("shed"));
        assert_eq!(value(text, "IMAGE_VERSION"), Some("1.2"));
        assert_eq!(value(text, "IMAGE"), None);
    }
}
