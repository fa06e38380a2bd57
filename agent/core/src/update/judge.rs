//! Whether a device may take an offered version. Asked before the first byte is written.

use std::collections::BTreeMap;

use tayberry_format::bundle::manifest::{BOARD, LAYOUT, Manifest};
use tayberry_format::bundle::version::Version;
use tayberry_format::verity::RootHash;

use crate::update::reason::Reason;

/// What the device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Name of its appliance.
    pub name: String,
    /// The version that runs.
    pub version: Version,
    /// Root hash of the system partition that runs.
    pub root_hash: RootHash,
    /// Build of its boot firmware in seconds since 1970; none if the firmware does not say.
    pub firmware: Option<i64>,
    /// Page size of its kernel in bytes.
    pub page_size: u32,
    /// Formats of the data that lies on its data partition, by name.
    pub data_formats: BTreeMap<String, u32>,
}

/// A version that this device tried without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<'a> {
    /// Its root hash.
    pub root_hash: RootHash,
    /// Why it did not stay.
    pub why: &'a Reason,
}

/// Why an offered version is not taken. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another appliance.
    #[error("This is an update for {offered}, and this device is {name}.")]
    OtherName {
        /// Whose it is.
        offered: String,
        /// The device's.
        name: String,
    },
    /// Another board.
    #[error("This is an update for another board: {0}.")]
    OtherBoard(String),
    /// Another layout of the disk.
    #[error(
        "This version needs another layout of the disk ({0}): it cannot be installed as an update. Write a new image."
    )]
    OtherLayout(u32),
    /// The boot firmware is too old.
    #[error(
        "This version needs newer boot firmware. Update the bootloader first (Raspberry Pi Imager, Misc utility images)."
    )]
    OldFirmware,
    /// Another page size.
    #[error(
        "The kernel of this version has pages of {offered} bytes, and this device's data were made with {running}."
    )]
    PageSize {
        /// The version's.
        offered: u32,
        /// The device's.
        running: u32,
    },
    /// It would not read the data.
    #[error("This version does not read the data of {0} as they lie on this device.")]
    DataFormat(String),
    /// Older than what runs.
    #[error("{offered} is older than {running}, which runs. To go back, use Roll back.")]
    Downgrade {
        /// The offered version.
        offered: String,
        /// What runs.
        running: String,
    },
    /// It runs already.
    #[error("{0} runs already.")]
    Running(String),
    /// It was tried.
    #[error("{version} was tried before and did not stay: {why} To try it once more, confirm it.")]
    TriedBefore {
        /// The offered version.
        version: String,
        /// Why it did not stay.
        why: String,
    },
}

/// Judges a version. `again` is the owner's word to try one that did not stay.
///
/// # Errors
/// With the first reason to refuse it.
pub fn judge(offered: &Manifest, device: &Device, tried: &[Tried<'_>], again: bool) -> Result<(), Refusal> {
    let needs = &offered.compatible;
    if offered.name != device.name {
        return Err(Refusal::OtherName { offered: offered.name.clone(), name: device.name.clone() });
    }
    if needs.board != BOARD {
        return Err(Refusal::OtherBoard(needs.board.clone()));
    }
    if needs.layout != LAYOUT {
        return Err(Refusal::OtherLayout(needs.layout));
    }
    // Firmware that does not say when it was built is older than every one that does.
    if device.firmware.is_none_or(|build| build < needs.firmware) {
        return Err(Refusal::OldFirmware);
    }
    if needs.page_size != device.page_size {
        return Err(Refusal::PageSize { offered: needs.page_size, running: device.page_size });
    }
    let read = |(name, format): &(&String, &u32)| needs.data_formats.get(*name) == Some(*format);
    if let Some((name, _)) = device.data_formats.iter().find(|data| !read(data)) {
        return Err(Refusal::DataFormat(name.clone()));
    }
    if offered.root_hash == device.root_hash {
        return Err(Refusal::Running(offered.version.to_string()));
    }
    if offered.version < device.version {
        return Err(Refusal::Downgrade {
            offered: offered.version.to_string(),
            running: device.version.to_string(),
        });
    }
    match tried.iter().find(|tried| tried.root_hash == offered.root_hash) {
        Some(tried) if !again => {
            Err(Refusal::TriedBefore { version: offered.version.to_string(), why: tried.why.sentence() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tayberry_format::bundle::manifest::{Compatible, Content, FORMAT};

    use super::*;

    fn offered() -> Manifest {
        Manifest {
            format: FORMAT,
            name: "tayberry".into(),
            version: "1.5".parse().unwrap(),
            epoch: 0,
            compatible: Compatible {
                board: BOARD.into(),
                layout: LAYOUT,
                firmware: 1000,
                page_size: 4096,
                data_formats: BTreeMap::from([("mongodb".into(), 7), ("redis".into(), 8)]),
            },
            root_hash: RootHash([5; 32]),
            data_blocks: 1,
            index: Content::of(b""),
            pack_bytes: 0,
            boot_files: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }

    fn device() -> Device {
        Device {
            name: "tayberry".into(),
            version: "1.4.2".parse().unwrap(),
            root_hash: RootHash([4; 32]),
            firmware: Some(1000),
            page_size: 4096,
            data_formats: BTreeMap::from([("mongodb".into(), 7)]),
        }
    }

    #[test]
    fn the_table() {
        type Change = fn(&mut Manifest, &mut Device);
        let rows: [(&str, Change, &str); 12] = [
            ("newer", |_, _| {}, ""),
            (
                "another build of the version that runs",
                |_, device| device.version = "1.5".parse().unwrap(),
                "",
            ),
            ("another appliance", |offered, _| offered.name = "cider".into(), "cider"),
            ("another board", |offered, _| offered.compatible.board = "x".into(), "another board"),
            ("another layout", |offered, _| offered.compatible.layout = 2, "layout"),
            ("old firmware", |_, device| device.firmware = Some(999), "bootloader"),
            ("firmware that does not say", |_, device| device.firmware = None, "bootloader"),
            ("pages", |offered, _| offered.compatible.page_size = 16_384, "16384"),
            ("a newer database", |_, device| device.data_formats.extend([("mongodb".into(), 8)]), "mongodb"),
            ("data that it does not know", |_, device| device.data_formats.extend([("x".into(), 1)]), "of x"),
            ("older", |offered, _| offered.version = "1.4.1".parse().unwrap(), "older"),
            ("the same", |offered, device| offered.root_hash = device.root_hash, "already"),
        ];
        for (name, change, part) in rows {
            let (mut offered, mut device) = (offered(), device());
            change(&mut offered, &mut device);
            let said = judge(&offered, &device, &[], false)
                .map_or_else(|refusal| refusal.to_string(), |()| String::new());
            assert!(said.contains(part) && said.is_empty() == part.is_empty(), "{name}: {said}");
        }
    }

    #[test]
    fn what_did_not_stay_needs_the_owners_word() {
        let why = Reason::DidNotComeUp;
        let tried = [Tried { root_hash: offered().root_hash, why: &why }];
        let refused = judge(&offered(), &device(), &tried, false).unwrap_err().to_string();
        assert!(refused.contains(&why.sentence()), "{refused}");
        assert_eq!(judge(&offered(), &device(), &tried, true), Ok(()));
        let other = [Tried { root_hash: RootHash([9; 32]), why: &why }];
        assert_eq!(judge(&offered(), &device(), &other, false), Ok(()));
    }
}
