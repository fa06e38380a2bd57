//! `config.txt`: the settings that decide which files are loaded. Other settings (clocks, displays) are
//! passed over in silence. Whether the files exist is left to `os`.

use serde::{Deserialize, Serialize};

use crate::board::{Board, ResetState};
use crate::fat::BootFile;
use crate::filter::{Facts, Filters};
use crate::log::{Log, LogLine};
use crate::text::{Line, lines, number};

/// Most bytes of a `config.txt` in this model; a longer one is refused. The firmware's own limit is unknown.
pub(crate) const CONFIG_MAX: u64 = 64 << 10;

/// Characters of the file list of `initramfs` that count. Inferred: the bootloader scans it with "%64s".
const LIST_MAX: usize = 64;

/// Most overlays and most initramfs files that are looked for; a bound for this model, not for the firmware.
const MANY: usize = 64;

/// `dtoverlay=NAME,PARAMETERS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedOverlay {
    /// Name without folder and `.dtbo`.
    pub name: String,
    /// Parameters as written, without the comma before them.
    pub parameters: String,
}

/// An overlay that will be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// Its file.
    pub file: BootFile,
    /// Parameters as written.
    pub parameters: String,
}

/// The settings of `config.txt` that decide which files are loaded.
///
/// Source unless said otherwise: Raspberry Pi documentation, config.txt, boot options. A later line replaces
/// an earlier one; overlays add up. `include` is not followed: the documentation says that the EEPROM
/// bootloader does not support it, yet its image knows the word, so a slot must not depend on either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// `kernel=`.
    pub kernel: Option<String>,
    /// `initramfs FILE[,FILE] followkernel`, or `ramfsfile=FILE[,FILE]`.
    pub initramfs: Vec<String>,
    /// `auto_initramfs=1`: an initramfs named after the kernel.
    pub auto_initramfs: bool,
    /// `device_tree=`.
    pub device_tree: Option<String>,
    /// `os_prefix=`, put in front of kernel, initramfs, device tree, command line and overlays.
    pub os_prefix: String,
    /// `overlay_prefix=`, `overlays/` by default.
    pub overlay_prefix: String,
    /// `cmdline=`, `cmdline.txt` by default.
    pub cmdline: String,
    /// `dtoverlay=`, in order.
    pub overlays: Vec<RequestedOverlay>,
    /// `os_check=`, on by default: the partition must hold a device tree for BCM2712.
    pub os_check: bool,
    /// `kernel_watchdog_timeout=`, seconds; 0: off.
    pub kernel_watchdog_timeout: u32,
    /// `kernel_watchdog_partition=`: requested by the reset of that watchdog.
    pub kernel_watchdog_partition: u32,
    /// `bootloader_update=`, on by default.
    pub bootloader_update: bool,
    /// `boot_ramdisk=1`: load a `boot.img`. Not modelled, refused.
    pub boot_ramdisk: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kernel: None,
            initramfs: Vec::new(),
            auto_initramfs: false,
            device_tree: None,
            os_prefix: String::new(),
            overlay_prefix: "overlays/".to_owned(),
            cmdline: "cmdline.txt".to_owned(),
            overlays: Vec::new(),
            os_check: true,
            kernel_watchdog_timeout: 0,
            kernel_watchdog_partition: 0,
            bootloader_update: true,
            boot_ramdisk: false,
        }
    }
}

impl Config {
    /// Reads the text of `config.txt` as this board would when it boots from `boot_partition`. Never fails;
    /// the lines say what was ignored. `reset` is the state before the boot.
    #[must_use]
    pub fn parse(
        text: &[u8],
        board: &Board,
        reset: &ResetState,
        boot_partition: u32,
    ) -> (Self, Vec<LogLine>) {
        let mut log = Log::default();
        let config = Self::parse_logged(text, Facts { board, reset, boot_partition }, &mut log);
        (config, log.0)
    }

    pub(crate) fn parse_logged(text: &[u8], facts: Facts<'_>, log: &mut Log) -> Self {
        let mut config = Self::default();
        let mut filters = Filters::default();
        let mut upstream = false;
        for line in lines(text) {
            match line {
                Line::Cut(line) => log.warn(format!("config.txt: only 98 characters count: {line}")),
                Line::Section(name) => {
                    if !filters.apply(&name, facts) {
                        log.warn(format!("config.txt: [{name}] is not known, what follows does not count."));
                    }
                }
                _ if !filters.pass() => {}
                Line::Command(word, rest) if word == "initramfs" => config.set_initramfs(&rest, log),
                Line::Command(word, rest) => {
                    log.warn(format!("config.txt: {word} {rest} is not followed."));
                }
                Line::Pair(key, value) if key == "upstream_kernel" => upstream = value == "1",
                Line::Pair(key, value) => config.set(&key, value, log),
            }
        }
        if upstream && config.os_prefix.is_empty() {
            "upstream/".clone_into(&mut config.os_prefix);
            log.warn("config.txt: upstream_kernel=1 sets os_prefix=upstream/; its overlay is not modelled.");
        }
        config
    }

    fn set(&mut self, key: &str, value: String, log: &mut Log) {
        match key {
            "kernel" => self.kernel = Some(value),
            "device_tree" => self.device_tree = Some(value),
            "os_prefix" => self.os_prefix = value,
            "overlay_prefix" => self.overlay_prefix = value,
            "cmdline" => self.cmdline = value,
            "ramfsfile" => self.set_initramfs(&value, log),
            "dtoverlay" | "device_tree_overlay" => self.add_overlay(&value, log),
            _ => self.set_number(key, &value, log),
        }
    }

    fn set_number(&mut self, key: &str, value: &str, log: &mut Log) {
        let parsed = number(value);
        let target = match (key, parsed) {
            ("os_check", Some(flag)) => return self.os_check = flag != 0,
            ("auto_initramfs", Some(flag)) => return self.auto_initramfs = flag != 0,
            ("bootloader_update", Some(flag)) => return self.bootloader_update = flag != 0,
            ("boot_ramdisk", Some(flag)) => return self.boot_ramdisk = flag != 0,
            ("kernel_watchdog_timeout", _) => &mut self.kernel_watchdog_timeout,
            ("kernel_watchdog_partition", _) => &mut self.kernel_watchdog_partition,
            // Source: Raspberry Pi documentation: models since Raspberry Pi 5 start 64-bit kernels only.
            ("arm_64bit", Some(0)) => return log.warn("config.txt: arm_64bit=0 is ignored on this board."),
            ("initramfs", _) => return log.warn("config.txt: initramfs takes no '=', the line is ignored."),
            ("tryboot_a_b" | "boot_partition", _) => {
                return log.warn(format!("config.txt: {key} belongs into autoboot.txt, it is ignored here."));
            }
            ("os_check" | "auto_initramfs" | "bootloader_update" | "boot_ramdisk", None) => {
                return log.warn(format!("config.txt: {key}={value} is not a number, it is ignored."));
            }
            _ => return,
        };
        match parsed {
            Some(parsed) => *target = parsed,
            None => log.warn(format!("config.txt: {key}={value} is not a number, it is ignored.")),
        }
    }

    fn set_initramfs(&mut self, rest: &str, log: &mut Log) {
        let list = rest.split_whitespace().next().unwrap_or_default();
        let counted: String = list.chars().take(LIST_MAX).collect();
        if counted.len() < list.len() {
            log.warn(format!(
                "config.txt: only {LIST_MAX} characters of the initramfs list count: {counted}"
            ));
        }
        let names = counted.split(',').filter(|name| !name.is_empty());
        self.initramfs = names.map(str::to_owned).take(MANY).collect();
    }

    fn add_overlay(&mut self, value: &str, log: &mut Log) {
        let (name, parameters) = value.split_once(',').unwrap_or((value, ""));
        if name.is_empty() {
            // `dtoverlay=` ends the parameters of the overlay before it.
            return;
        }
        if self.overlays.len() == MANY {
            log.warn(format!("config.txt: more than {MANY} overlays, {name} is left out."));
            return;
        }
        self.overlays.push(RequestedOverlay { name: name.to_owned(), parameters: parameters.to_owned() });
    }
}
