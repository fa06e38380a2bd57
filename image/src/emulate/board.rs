//! The board: what is plugged in, and what its firmware remembers across a warm reset.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tayberry_firmware::{Medium, Stepping};

/// Address and port under which the guest reaches [`Spec::outside`].
pub const OUTSIDE: &str = "10.0.2.100:80";

/// A disk of the board.
#[derive(Debug, Clone)]
pub struct Drive {
    /// SD card or NVMe.
    pub medium: Medium,
    /// Raw disk image; it is written to.
    pub path: PathBuf,
    /// Where every write and flush of the running boot is recorded, if anywhere.
    pub record: Option<PathBuf>,
    /// What the guest discards reads as zeros from then on; otherwise it stays, as on a drive that only says that it discards.
    pub forgets: bool,
}

impl Drive {
    /// A disk that forgets, and is not recorded.
    #[must_use]
    pub const fn new(medium: Medium, path: PathBuf) -> Self {
        Self { medium, path, record: None, forgets: true }
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The disks, in the order in which the firmware tries them (`BOOT_ORDER`).
    pub drives: Vec<Drive>,
    /// The emulator's part of the initramfs; without it the image runs as on a Pi, but nothing can be driven.
    pub guest: Option<PathBuf>,
    /// Folder for sockets, logs and what the firmware loaded.
    pub run: PathBuf,
    /// Memory in MiB.
    pub memory: u64,
    /// Ports on loopback: host port, guest port.
    pub forwards: Vec<(u16, u16)>,
    /// A port on this machine's loopback that the guest reaches as [`OUTSIDE`], and nothing else of this machine.
    pub outside: Option<u16>,
    /// Whether the network cable is plugged in when the board is switched on for the first time.
    pub cable: bool,
    /// Two radios, and neighbours at the other end of the air; this port on loopback leads to them.
    pub air: Option<u16>,
    /// Added to the kernel command line, as the firmware does for the board.
    pub cmdline: String,
    /// What the board's clock says at power-on, such as `1970-01-01`; the time of this machine if none.
    pub clock: Option<String>,
    /// Replaces the initramfs that the firmware chose, for comparisons.
    pub initramfs: Option<PathBuf>,
    /// Silicon of the board.
    pub stepping: Stepping,
    /// Leave `qemu,virt` out of the device tree: the image must ignore the emulator's files.
    pub anonymous: bool,
    /// Folder of a saved board ([`super::saved`]) that goes on when this one is switched on; the disks must be its disks.
    pub resume: Option<PathBuf>,
    /// Copy the serial console to standard output.
    pub show_console: bool,
}

impl Spec {
    /// A board with one drive.
    #[must_use]
    pub fn new(run: PathBuf, drives: Vec<Drive>) -> Self {
        Self {
            drives,
            guest: None,
            run,
            memory: 2048,
            forwards: Vec::new(),
            outside: None,
            cable: true,
            air: None,
            cmdline: String::new(),
            clock: None,
            initramfs: None,
            stepping: Stepping::C1,
            anonymous: false,
            resume: None,
            show_console: false,
        }
    }

    /// A file in the run folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }
}

/// How a run of the board ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// The guest reset the board.
    Reset,
    /// The hardware watchdog reset the board.
    Watchdog,
    /// The guest switched the board off.
    Off,
    /// The power was cut.
    Cut,
    /// It was saved.
    Saved,
    /// The emulator is to end.
    Quit,
}

impl Exit {
    /// Whether registers and memory survive.
    #[must_use]
    pub const fn is_warm(self) -> bool {
        matches!(self, Self::Reset | Self::Watchdog)
    }
}
