//! The board and its reset registers: all that the firmware knows besides the disk. Plain values; reading
//! them from a real device (device tree, mailbox) is left to the agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which BCM2712 product. Names its default device tree and its model filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Raspberry Pi 5 Model B.
    #[default]
    Pi5,
    /// Compute Module 5 with eMMC.
    Cm5,
    /// Compute Module 5 Lite.
    Cm5Lite,
}

impl Model {
    /// Device tree that the firmware looks for without `device_tree=`.
    /// Source: rpi-eeprom release notes 2025-03-27 (before that date the CM5 was checked against the Pi 5's
    /// file; the model keeps to the newer rule).
    #[must_use]
    pub const fn device_tree(self) -> &'static str {
        match self {
            Self::Pi5 => "bcm2712-rpi-5-b.dtb",
            Self::Cm5 => "bcm2712-rpi-cm5-cm5io.dtb",
            Self::Cm5Lite => "bcm2712-rpi-cm5l-cm5io.dtb",
        }
    }

    /// Type field of the revision code, for `[board-type=N]`.
    /// Source: Raspberry Pi documentation, revision codes.
    #[must_use]
    pub const fn board_type(self) -> u32 {
        match self {
            Self::Pi5 => 0x17,
            Self::Cm5 => 0x18,
            Self::Cm5Lite => 0x1a,
        }
    }
}

/// Silicon stepping of the BCM2712. D0 boots only with the overlay `bcm2712d0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stepping {
    /// First stepping.
    #[default]
    C1,
    /// Second stepping: another pin controller.
    D0,
}

/// What the disk is attached to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// SD card or eMMC (`boot-mode` 1).
    #[default]
    Sd,
    /// USB mass storage (`boot-mode` 4).
    Usb,
    /// NVMe drive (`boot-mode` 6).
    Nvme,
}

/// What an EEPROM release can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `PARTITION_WALK=1` can be set.
    PartitionWalk,
    /// `PARTITION_WALK` is on unless switched off.
    PartitionWalkByDefault,
    /// Filters such as `[boot_count>2]` and `[partition=2]`.
    Expressions,
    /// The filter `[boot_partition=N]`.
    BootPartitionFilter,
    /// Files of 32 MiB and more load from NVMe.
    LargeNvmeFiles,
    /// `BOOT_WATCHDOG_TIMEOUT` and `BOOT_WATCHDOG_PARTITION`.
    BootWatchdog,
    /// The EEPROM setting `PARTITION` also replaces partition 0 (before: only after power-on or above 31).
    PartitionReplacesDefault,
    /// The GPT entries may start elsewhere than in sector 2.
    GptArrayAnywhere,
    /// Fatal errors reset the board instead of halting it.
    RebootOnFatalError,
}

impl Feature {
    /// First release with the feature, as seconds since 1970 at midnight UTC of the date in its name.
    /// Source: rpi-eeprom `firmware-2712/release-notes.md`, entry of that date.
    #[must_use]
    pub const fn since(self) -> u32 {
        match self {
            Self::GptArrayAnywhere => 1_728_518_400,         // 2024-10-10
            Self::PartitionWalk => 1_737_936_000,            // 2025-01-27
            Self::Expressions => 1_739_232_000,              // 2025-02-11
            Self::BootPartitionFilter => 1_741_564_800,      // 2025-03-10
            Self::LargeNvmeFiles => 1_749_427_200,           // 2025-06-09
            Self::BootWatchdog => 1_750_377_600,             // 2025-06-20
            Self::PartitionWalkByDefault => 1_755_043_200,   // 2025-08-13
            Self::PartitionReplacesDefault => 1_756_252_800, // 2025-08-27
            Self::RebootOnFatalError => 1_776_124_800,       // 2026-04-14
        }
    }
}

/// `BOOT_WATCHDOG_*`: resets the board when the operating system is not started in time. Cancelled when the
/// Arm cores start. Source: Raspberry Pi documentation, bootloader configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootWatchdog {
    /// Seconds.
    pub timeout: u32,
    /// Partition requested after the reset; 0: the default partition.
    pub partition: u32,
}

/// The bootloader release and its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eeprom {
    /// `/chosen/bootloader/build-timestamp`: seconds since 1970.
    pub build: u32,
    /// `PARTITION=`, 0 when unset.
    pub partition: u32,
    /// `PARTITION_WALK=`, `None` when unset.
    pub partition_walk: Option<bool>,
    /// `BOOT_WATCHDOG_*`, `None` when unset.
    pub boot_watchdog: Option<BootWatchdog>,
    /// `REBOOT_ON_FATAL_ERROR=`, `None` when unset.
    pub reboot_on_fatal_error: Option<bool>,
    /// `BOOTVAR0=`, for the filter of that name.
    pub bootvar0: u32,
}

impl Default for Eeprom {
    /// The release of 2026-05-26 (a "default" release), nothing configured.
    fn default() -> Self {
        Self {
            build: 1_779_807_685,
            partition: 0,
            partition_walk: None,
            boot_watchdog: None,
            reboot_on_fatal_error: None,
            bootvar0: 0,
        }
    }
}

impl Eeprom {
    /// Whether this release is new enough.
    #[must_use]
    pub const fn supports(&self, feature: Feature) -> bool {
        self.build >= feature.since()
    }

    /// Whether an unbootable partition makes the firmware look at the others.
    #[must_use]
    pub fn walks(&self) -> bool {
        self.supports(Feature::PartitionWalk)
            && self.partition_walk.unwrap_or(self.supports(Feature::PartitionWalkByDefault))
    }
}

/// A board with its EEPROM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// Product.
    pub model: Model,
    /// Silicon stepping.
    pub stepping: Stepping,
    /// What the disk is attached to.
    pub medium: Medium,
    /// Bootloader.
    pub eeprom: Eeprom,
    /// Levels that `[gpioN=L]` sees, by BCM number. A line that is not listed matches neither level
    /// (inferred: a line whose level nobody drives must not decide a boot).
    pub gpio: BTreeMap<u8, bool>,
    /// Low 32 bits of the serial number, for `[0x...]`.
    pub serial: u32,
}

/// The reset-safe registers, as the firmware finds them. The default is a power-on.
///
/// Source: rpi-eeprom release notes 2025-02-11 (`boot_count`, `boot_arg1`), Raspberry Pi documentation,
/// tryboot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetState {
    /// The try-once flag (`tryboot`). Not kept over a power cut.
    pub try_once: bool,
    /// Partition requested by `reboot N` (register `PM_RSTS`, 6 bits); 0: none.
    pub partition: u32,
    /// Boots since power-on, before this one. 8 bits, wraps to 0.
    pub boot_count: u8,
    /// `boot_arg1`, set by the operating system, kept until power-on.
    pub boot_arg1: u32,
}
