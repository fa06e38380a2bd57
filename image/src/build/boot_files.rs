//! The files of a boot partition: what the firmware reads.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use tayberry_format::fat::File;
use tayberry_format::header::BUTTON;
use tayberry_format::slot::Slot;
use tayberry_format::{autoboot, cmdline};

use crate::build::{BuildError, at};
use crate::config::Kernel;

/// The kernel's name in the boot partition; the first that a Pi 5 looks for.
pub const KERNEL: &str = "kernel_2712.img";
/// The initramfs' name in the boot partition.
pub const INITRAMFS: &str = "initramfs.img";
/// Folder of the rescue system, as `os_prefix` wants it.
pub const RESCUE: &str = "rescue/";

/// Everything that the firmware reads but the command line.
pub struct BootFiles {
    /// Kernel, gzipped: a plain one has more than 32 MiB, which older firmware cannot read from NVMe.
    pub kernel: Vec<u8>,
    /// The initramfs.
    pub initramfs: Vec<u8>,
    /// The initramfs of the rescue system.
    pub rescue: Vec<u8>,
    /// Name and bytes of the device tree.
    pub device_tree: (String, Vec<u8>),
    /// Names and bytes of the overlays.
    pub overlays: Vec<(String, Vec<u8>)>,
    /// config.txt.
    pub config: String,
}

/// config.txt. Kernel and initramfs are named outright: `auto_initramfs` was broken in several firmware releases.
#[must_use]
pub fn config(kernel: &Kernel) -> String {
    let mut text = String::from(
        "# Written by tayberry build. Changes are lost with the next update.\n\
         [all]\n\
         arm_64bit=1\n",
    );
    // Writing to a String cannot fail.
    writeln!(text, "kernel={KERNEL}\ninitramfs {INITRAMFS} followkernel").unwrap_or_default();
    writeln!(text, "device_tree={}", kernel.device_tree).unwrap_or_default();
    text.push_str(
        "# Else the firmware adds video= to the command line.\n\
         disable_fw_kms_setup=1\n\
         # The watchdog that the firmware hands over; tayberry-init takes it within seconds.\n\
         kernel_watchdog_timeout=180\n\
         # The EEPROM is never updated by accident.\n\
         bootloader_update=0\n\
         enable_uart=1\n",
    );
    for parameter in &kernel.parameters {
        writeln!(text, "dtparam={parameter}").unwrap_or_default();
    }
    for name in &kernel.overlays {
        writeln!(text, "dtoverlay={name}").unwrap_or_default();
    }
    writeln!(
        text,
        "# Two starts in a row did not end well: the third is the rescue system.\n[boot_count>2]\nos_prefix={RESCUE}\n[all]"
    )
    .unwrap_or_default();
    writeln!(
        text,
        "# The button is held while the power comes on: rescue, whatever the system is like.\n[gpio{BUTTON}=0]\nos_prefix={RESCUE}\n[all]"
    )
    .unwrap_or_default();
    text
}

impl BootFiles {
    /// The files of one slot, largest first so that they lie at the same place in every version.
    #[must_use]
    pub fn list<'a>(&'a self, cmdline: &'a str) -> Vec<File<'a>> {
        let file = |path: &str, data: &'a [u8]| File { path: path.to_owned(), data };
        let mut files = vec![
            file("config.txt", self.config.as_bytes()),
            file("cmdline.txt", cmdline.as_bytes()),
            file(KERNEL, &self.kernel),
            file(INITRAMFS, &self.initramfs),
            file(&self.device_tree.0, &self.device_tree.1),
        ];
        // Whole in itself: a block of the kernel that cannot be read does not take rescue away. Overlays are shared, as there
        // is no README beside them.
        files.extend([
            file(&format!("{RESCUE}cmdline.txt"), cmdline.as_bytes()),
            file(&format!("{RESCUE}{KERNEL}"), &self.kernel),
            file(&format!("{RESCUE}{INITRAMFS}"), &self.rescue),
            file(&format!("{RESCUE}{}", self.device_tree.0), &self.device_tree.1),
        ]);
        // Without this file overlays would not follow an os_prefix; it also tells people what the folder is.
        files.push(file("overlays/README", b"Device-tree overlays of this slot.\n"));
        files.extend(self.overlays.iter().map(|(name, bytes)| file(&format!("overlays/{name}.dtbo"), bytes)));
        files
    }
}

/// A kernel image, gzipped the same way each time: strongest level, no name, no time. One that is gzipped already stays
/// as it is: the firmware unpacks it once.
///
/// # Errors
/// When it cannot be read.
pub fn gzip(path: &Path) -> Result<Vec<u8>, BuildError> {
    let plain = std::fs::read(path).map_err(at(path))?;
    if plain.starts_with(&[0x1f, 0x8b]) {
        return Ok(plain);
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&plain).map_err(at(path))?;
    encoder.finish().map_err(at(path))
}

/// The command line of a slot.
#[must_use]
pub fn command_line(kernel: &Kernel, root: tayberry_format::verity::RootHash) -> String {
    cmdline::render(&kernel.console, root)
}

/// `autoboot.txt` of a fresh image.
#[must_use]
pub fn autoboot_sector() -> [u8; autoboot::BYTES] {
    autoboot::sector(Slot::A)
}

#[cfg(test)]
mod tests {
    #[test]
    fn golden() {
        let config = crate::config::Config::load(std::path::Path::new("appliance.toml")).unwrap();
        for (flavour, golden) in [
            ("debian", include_str!("../../fixtures/config.txt")),
            ("raspberrypi", include_str!("../../fixtures/config-raspberrypi.txt")),
        ] {
            let text = super::config(&config.kernel[flavour]);
            assert_eq!(text, golden, "{flavour}");
            assert!(text.lines().all(|line| line.len() <= 98), "the firmware cuts longer lines");
        }
    }

    #[test]
    fn a_kernel_is_gzipped_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        std::fs::write(&path, [7; 1000]).unwrap();
        let once = super::gzip(&path).unwrap();
        assert!(once.starts_with(&[0x1f, 0x8b]) && once.len() < 1000);
        std::fs::write(&path, &once).unwrap();
        assert_eq!(super::gzip(&path).unwrap(), once);
    }
}
