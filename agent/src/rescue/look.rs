//! What rescue finds: the slots, the counter of starts, the time.

use std::io;
use std::path::Path;

use tayberry_core::rescue::{COUNTED, Seen};
use tayberry_format::boot_counter::Counter;
use tayberry_format::slot::Slot;

use crate::device::{boot, boot_counter, clock, slots};

/// When the operating system was built, in seconds since 1970; the initramfs keeps no times of files.
const BUILT: &str = "/usr/share/tayberry/built";

/// The slots.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The one that the firmware starts.
    pub(super) default: Slot,
    /// What is wrong with each, if anything, in the order of [`Slot::ALL`].
    pub(super) slots: [Result<(), String>; 2],
    /// The counter of starts.
    pub(super) counter: Counter,
    /// The button brought the device here.
    pub(super) held: bool,
}

impl Found {
    pub(super) fn of(&self, slot: Slot) -> &Result<(), String> {
        &self.slots[usize::from(slot == Slot::B)]
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            default: self.default,
            own_whole: self.of(self.default).is_ok(),
            other_whole: self.of(self.default.other()).is_ok(),
            retried: self.counter.retried,
            left: self.counter.left,
            held: self.held,
        }
    }
}

/// Reads both slots whole. `booted` is the slot that the firmware took, for a disk on which it would now take none.
pub(super) fn at(disk: &str, booted: Slot) -> Found {
    let default = boot::next(disk).unwrap_or_else(|error| {
        tracing::error!("{error}");
        None
    });
    let counter = boot_counter::read(disk).unwrap_or_else(|error| {
        tracing::error!("{error}");
        // Nothing says that it was tried again, and nothing would say it the next time.
        Counter { retried: true, ..Counter::default() }
    });
    let slots = Slot::ALL.map(|slot| slots::verify(disk, slot, &mut |_| ()).map(drop));
    // A firmware that does not count does not come here by counting either.
    let held = boot::count().is_none_or(|count| count < COUNTED);
    Found { default: default.unwrap_or(booted), slots, counter, held }
}

/// A clock that is earlier than the build is set to that. Returns the time of the build.
pub(super) fn set_clock() -> io::Result<i64> {
    let text = std::fs::read_to_string(Path::new(BUILT))?;
    let build = text.trim().parse().map_err(io::Error::other)?;
    if clock::now() < build {
        clock::set(build)?;
    }
    Ok(build)
}
