//! Decides which devices may be written, and says why the others may not. Values only; looking is `devices`' work.

use tayberry_format::layout;

use crate::flash::devices::{Device, How, Kind, Use};
use crate::ui::human;

/// Why a device is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No block device has this number.
    #[error("it is not a drive that the kernel lists")]
    Unknown,
    /// A part of a disk.
    #[error("it is a partition; name the whole disk, /dev/{disk}")]
    Partition {
        /// Kernel name of the disk.
        disk: String,
    },
    /// An optical drive, or a device made of others or of memory.
    #[error("it is not an SD card, USB or NVMe drive")]
    NotADrive,
    /// The running system is on it.
    #[error("it holds the running system ({device} is mounted at {at})")]
    System {
        /// The disk, partition or upper device.
        device: String,
        /// Where it is mounted.
        at: String,
    },
    /// A file system on it is in use.
    #[error("{device} is mounted at {at}; unmount it first")]
    Mounted {
        /// The disk, partition or upper device.
        device: String,
        /// Where it is mounted.
        at: String,
    },
    /// It holds swap space in use.
    #[error("{device} is used as swap; switch it off first (swapoff)")]
    Swap {
        /// The disk, partition or upper device.
        device: String,
    },
    /// LVM, encryption or RAID is built upon it.
    #[error("{device} is in use by {by} (LVM, encryption or RAID); close that first")]
    Held {
        /// The disk, partition or upper device.
        device: String,
        /// The device upon it.
        by: String,
    },
    /// A card reader without a card.
    #[error("there is no medium in it")]
    Empty,
    /// A write-protected drive.
    #[error("it is read-only; check the card's lock switch")]
    ReadOnly,
    /// A drive on which the commit of an update would not be one sector.
    #[error("its logical sectors have {0} bytes; Tayberry needs a drive with 512")]
    Sector(u64),
    /// Not enough room.
    #[error("it has {}, at least {} are needed", human(*.have), human(*.needed))]
    TooSmall {
        /// Its size in bytes.
        have: u64,
        /// Bytes that are needed.
        needed: u64,
    },
}

/// Folders that only the running system mounts (Filesystem Hierarchy Standard 3.0; EFI partitions in `/efi`).
const SYSTEM_FOLDERS: [&str; 7] = ["/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/usr", "/var"];

/// Bytes that a drive needs for an image of this length.
#[must_use]
pub fn needed(image_bytes: u64) -> u64 {
    image_bytes.max(layout::SMALLEST_DISK)
}

/// Whether a device may be written. The reason that matters most to a person comes first.
///
/// # Errors
/// The reason why not.
pub fn judge(device: &Device, needed: u64) -> Result<(), Refusal> {
    if matches!(device.kind, Kind::Optical | Kind::Virtual) {
        return Err(Refusal::NotADrive);
    }
    judge_uses(&device.uses)?;
    if device.bytes == 0 {
        return Err(Refusal::Empty);
    }
    if device.read_only {
        return Err(Refusal::ReadOnly);
    }
    if device.sector != layout::SECTOR {
        return Err(Refusal::Sector(device.sector));
    }
    if device.bytes < needed {
        return Err(Refusal::TooSmall { have: device.bytes, needed });
    }
    Ok(())
}

fn judge_uses(uses: &[Use]) -> Result<(), Refusal> {
    let reason = |one: &Use| {
        let device = one.device.clone();
        match &one.how {
            How::Mounted(at) if SYSTEM_FOLDERS.contains(&at.as_str()) => {
                (0, Refusal::System { device, at: at.clone() })
            }
            How::Mounted(at) => (1, Refusal::Mounted { device, at: at.clone() }),
            How::Swap => (2, Refusal::Swap { device }),
            How::HeldBy(by) => (3, Refusal::Held { device, by: by.clone() }),
        }
    };
    uses.iter().map(reason).min_by_key(|(rank, _)| *rank).map_or(Ok(()), |(_, refusal)| Err(refusal))
}

/// The disk with this device number (`MAJOR:MINOR`).
///
/// # Errors
/// When it is a partition, or no disk has this number.
pub fn choose<'a>(devices: &'a [Device], number: &str) -> Result<&'a Device, Refusal> {
    if let Some(device) = devices.iter().find(|device| device.partitions.contains_key(number)) {
        return Err(Refusal::Partition { disk: device.name.clone() });
    }
    devices.iter().find(|device| device.number == number).ok_or(Refusal::Unknown)
}

/// Whether a list for people should name the device: drives always, loop devices only where they may be written.
#[must_use]
pub fn is_listed(device: &Device, verdict: &Result<(), Refusal>) -> bool {
    match device.kind {
        Kind::Drive => true,
        Kind::Loop => verdict.is_ok(),
        Kind::Optical | Kind::Virtual => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: u64 = layout::SMALLEST_DISK;

    fn stick() -> Device {
        Device {
            name: "sda".into(),
            number: "8:0".into(),
            kind: Kind::Drive,
            model: Some("Ultra".into()),
            bytes: NEEDED,
            sector: 512,
            read_only: false,
            partitions: [("8:1".into(), "sda1".into())].into(),
            uses: vec![],
        }
    }

    fn used(hows: &[How]) -> Device {
        let uses = hows.iter().map(|how| Use { device: "sda1".into(), how: how.clone() }).collect();
        Device { uses, ..stick() }
    }

    #[test]
    fn only_idle_drives_of_the_right_shape_may_be_written() {
        let mounted = |at: &str| How::Mounted(at.into());
        let held = || How::HeldBy("dm-0".into());
        let rows: Vec<(&str, Device, Option<&str>)> = vec![
            ("stick", stick(), None),
            ("loop", Device { kind: Kind::Loop, ..stick() }, None),
            ("mounted", used(&[mounted("/media/x")]), Some("sda1 is mounted at /media/x; unmount")),
            ("root", used(&[How::Swap, held(), mounted("/media/x"), mounted("/")]), Some("running system")),
            ("boot", used(&[mounted("/boot/efi")]), Some("running system")),
            ("swap", used(&[held(), How::Swap]), Some("used as swap")),
            ("lvm", used(&[held()]), Some("in use by dm-0")),
            ("read-only", Device { read_only: true, ..stick() }, Some("lock switch")),
            ("4K", Device { sector: 4096, ..stick() }, Some("have 4096 bytes")),
            ("small", Device { bytes: NEEDED - 1, ..stick() }, Some("are needed")),
            ("no card", Device { bytes: 0, read_only: true, ..stick() }, Some("no medium")),
            ("dvd", Device { kind: Kind::Optical, ..stick() }, Some("not an SD card")),
            ("zram", Device { kind: Kind::Virtual, ..stick() }, Some("not an SD card")),
        ];
        for (name, device, expected) in rows {
            let verdict = judge(&device, NEEDED).map_err(|refusal| refusal.to_string());
            match (expected, &verdict) {
                (None, Ok(())) => {}
                (Some(part), Err(text)) if text.contains(part) => {}
                _ => panic!("{name}: {verdict:?}"),
            }
        }
        assert!(judge(&stick(), needed(NEEDED + 1)).is_err(), "an image larger than the drive");
    }

    #[test]
    fn a_partition_is_no_disk() {
        let devices = [stick()];
        assert_eq!(choose(&devices, "8:0").unwrap().name, "sda");
        assert_eq!(choose(&devices, "8:1").unwrap_err(), Refusal::Partition { disk: "sda".into() });
        assert_eq!(choose(&devices, "8:16").unwrap_err(), Refusal::Unknown);
    }
}
