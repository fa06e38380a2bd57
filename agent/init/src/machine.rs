//! Looks at what the firmware told us: the device tree and the kernel command line.

use tayberry_format::cmdline;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::InitError;

const DEVICE_TREE: &str = "/proc/device-tree";

/// Kind of disk that the firmware booted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootMode {
    Sd,
    Nvme,
    Usb,
    Unknown,
}

impl BootMode {
    /// `/chosen/bootloader/boot-mode`: 1 SD card, 4 USB mass storage, 6 NVMe (Raspberry Pi documentation,
    /// "Raspberry Pi bootloader configuration", `BOOT_ORDER`).
    fn from_number(number: Option<u32>) -> Self {
        match number {
            Some(1) => Self::Sd,
            Some(4) => Self::Usb,
            Some(6) => Self::Nvme,
            _ => Self::Unknown,
        }
    }

    /// Whether a whole disk with this kernel name can be the one.
    pub(crate) fn matches(self, disk: &str) -> bool {
        match self {
            Self::Sd => disk.starts_with("mmcblk"),
            Self::Nvme => disk.starts_with("nvme"),
            Self::Usb => disk.starts_with("sd"),
            Self::Unknown => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sd => "SD card",
            Self::Nvme => "NVMe",
            Self::Usb => "USB",
            Self::Unknown => "any",
        }
    }
}

/// What is known before any disk is looked at.
pub(crate) struct Machine {
    /// Names of the board, most specific first.
    pub(crate) compatible: Vec<String>,
    pub(crate) boot_mode: BootMode,
    /// The slot whose boot partition the firmware used; none when it did not say.
    pub(crate) slot: Option<Slot>,
    pub(crate) root_hash: RootHash,
    /// The firmware was told to try this slot once.
    pub(crate) trial: bool,
    pub(crate) cmdline: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self, InitError> {
        let line = std::fs::read_to_string("/proc/cmdline").map_err(InitError::system("/proc/cmdline"))?;
        let compatible = std::fs::read(format!("{DEVICE_TREE}/compatible")).unwrap_or_default();
        Ok(Self {
            compatible: strings(&compatible),
            boot_mode: BootMode::from_number(bootloader("boot-mode")),
            slot: bootloader("partition").and_then(Slot::from_boot_partition),
            root_hash: cmdline::root_hash(&line)?,
            trial: bootloader("tryboot") == Some(1),
            cmdline: line,
        })
    }

    pub(crate) fn is(&self, board: &str) -> bool {
        self.compatible.iter().any(|name| name == board)
    }
}

/// A list of zero-terminated strings (Devicetree specification, section 2.2.4).
fn strings(bytes: &[u8]) -> Vec<String> {
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// A number that the Pi 5's bootloader left in `/chosen/bootloader`: 32 bits, big-endian.
fn bootloader(name: &str) -> Option<u32> {
    let bytes = std::fs::read(format!("{DEVICE_TREE}/chosen/bootloader/{name}")).ok()?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_modes_choose_their_disks() {
        assert!(BootMode::from_number(Some(6)).matches("nvme0n1"));
        assert!(!BootMode::from_number(Some(6)).matches("mmcblk0"));
        assert!(BootMode::from_number(Some(1)).matches("mmcblk0"));
        assert!(BootMode::from_number(None).matches("sda"));
    }

    #[test]
    fn compatible_is_split() {
        assert_eq!(
            strings(b"raspberrypi,5-model-b\0brcm,bcm2712\0"),
            ["raspberrypi,5-model-b", "brcm,bcm2712"]
        );
    }
}
