//! Looks at an image or a drive without changing it: partitions, slots (`slots`), packages (`contents`), and what the
//! firmware would do with it (`firmware`). How that reads is in `text`; unpacking and order in `commands::inspect`.

pub mod contents;
pub mod firmware;
pub mod slots;
pub mod text;

use std::path::PathBuf;

use serde::Serialize;
use tayberry_format::slot::Slot;
use tayberry_format::table::Listed;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The image or drive, as named by the person.
    pub image: PathBuf,
    /// Length of the disk in bytes.
    pub bytes: u64,
    /// The partitions in the order of their numbers.
    pub partitions: Vec<Listed>,
    /// The default slot; none when `autoboot.txt` names none.
    pub default_slot: Option<Slot>,
    /// Both slots.
    pub slots: Vec<slots::Found>,
    /// What the firmware would do, for each kind of disk and each stepping.
    pub firmware: Vec<firmware::Verdict>,
}

/// An image that cannot be looked at, or is not sound.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It cannot be read or is not ours.
    #[error(transparent)]
    Image(#[from] crate::image_file::ImageError),
    /// The temporary copy.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// Everything was shown; something of it is wrong.
    #[error("{path} is not sound: {}", .problems.join("; "))]
    NotSound {
        /// The image.
        path: PathBuf,
        /// What is wrong; never empty.
        problems: Vec<String>,
    },
}

impl Report {
    /// What keeps a device from running this image, one clause each. Empty for a sound one.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let slots = self.slots.iter().filter_map(slots::Found::problem);
        let boots = self.firmware.iter().filter_map(firmware::Verdict::problem);
        slots.chain(boots).collect()
    }
}
