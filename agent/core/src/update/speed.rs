//! The two speeds of an update: a system that needs nothing else of the boot partition than the one that runs takes its place live, all
//! others by a reboot. Reading the files is left to the agent.

use serde::{Deserialize, Serialize};
use tayberry_format::bundle::manifest::BootFiles;

/// Folder of the rescue system: nothing of it runs.
const RESCUE: &str = "rescue/";

/// How a system takes the place of the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "speed", rename_all = "kebab-case")]
pub enum Speed {
    /// User space is replaced; kernel and services go on.
    Live,
    /// The device restarts.
    Reboot {
        /// What needs that: names of files of the boot partition that are others, or why nothing is known.
        why: Vec<String>,
    },
}

impl Default for Speed {
    fn default() -> Self {
        Self::Reboot { why: Vec::new() }
    }
}

/// Decides: every file that the firmware reads must be the same.
#[must_use]
pub fn decide(running: &BootFiles, next: &BootFiles) -> Speed {
    let counts = |path: &&String| !path.to_ascii_lowercase().starts_with(RESCUE);
    let mut why: Vec<String> = running
        .keys()
        .chain(next.keys())
        .filter(counts)
        .filter(|path| running.get(*path) != next.get(*path))
        .cloned()
        .collect();
    why.sort();
    why.dedup();
    if why.is_empty() { Speed::Live } else { Speed::Reboot { why } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_firmware_reads_must_be_the_same() {
        let files = |rows: &[(&str, u8)]| -> BootFiles {
            rows.iter().map(|(path, digest)| ((*path).to_owned(), digest.to_string())).collect()
        };
        let running = files(&[("kernel_2712.img", 1), ("cmdline.txt", 2), ("rescue/initramfs", 3)]);
        let reboot =
            |why: &[&str]| Speed::Reboot { why: why.iter().map(|path| (*path).to_owned()).collect() };
        for (next, speed) in [
            (running.clone(), Speed::Live),
            (files(&[("kernel_2712.img", 1), ("cmdline.txt", 2), ("RESCUE/initramfs", 9)]), Speed::Live),
            (files(&[("kernel_2712.img", 7), ("cmdline.txt", 2)]), reboot(&["kernel_2712.img"])),
            (files(&[("kernel_2712.img", 1)]), reboot(&["cmdline.txt"])),
            (
                files(&[("cmdline.txt", 5), ("new.dtb", 1)]),
                reboot(&["cmdline.txt", "kernel_2712.img", "new.dtb"]),
            ),
        ] {
            assert_eq!(decide(&running, &next), speed);
        }
    }
}
