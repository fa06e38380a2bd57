//! `autoboot.txt`: which partition to boot. What is done with the answer is left to `choose`.

use serde::{Deserialize, Serialize};

use crate::filter::Filters;
use crate::log::Log;
use crate::text::{Line, lines, number};

/// Most bytes of an `autoboot.txt`. Source: Raspberry Pi documentation, autoboot.txt.
pub const AUTOBOOT_MAX: u64 = 512;

/// What `autoboot.txt` says, for one state of the try-once flag.
///
/// Source: Raspberry Pi documentation, autoboot.txt: filters `[all]`, `[none]` and `[tryboot]`; a later line
/// replaces an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoboot {
    /// `boot_partition=N`; 0: the default partition.
    pub boot_partition: Option<u32>,
    /// `tryboot_a_b=1`: with the try-once flag, load `config.txt` and not `tryboot.txt`.
    pub tryboot_a_b: bool,
}

impl Autoboot {
    /// Reads the text of `autoboot.txt`. Never fails: lines that mean nothing are left out, as on the board.
    /// A text of more than [`AUTOBOOT_MAX`] bytes says nothing at all (inferred; the firmware may read the
    /// beginning).
    #[must_use]
    pub fn parse(text: &[u8], try_once: bool) -> Self {
        Self::parse_logged(text, try_once, &mut Log::default())
    }

    pub(crate) fn parse_logged(text: &[u8], try_once: bool, log: &mut Log) -> Self {
        let mut autoboot = Self::default();
        if text.len() as u64 > AUTOBOOT_MAX {
            log.warn(format!("autoboot.txt is ignored: {} bytes, at most {AUTOBOOT_MAX}.", text.len()));
            return autoboot;
        }
        let mut filters = Filters::default();
        for line in lines(text) {
            match line {
                Line::Section(name) if !filters.apply_simple(&name, try_once) => {
                    log.warn(format!("autoboot.txt: the filter [{name}] is not known there."));
                }
                Line::Pair(key, value) if filters.pass() => match (key.as_str(), number(&value)) {
                    ("boot_partition", Some(partition)) => autoboot.boot_partition = Some(partition),
                    ("tryboot_a_b", Some(flag)) => autoboot.tryboot_a_b = flag == 1,
                    _ => log.warn(format!("autoboot.txt: {key}={value} means nothing.")),
                },
                _ => {}
            }
        }
        autoboot
    }
}
