//! The files of the chosen partition: kernel, initramfs, device tree, overlays, command line. Which
//! partition that is, `choose` decided.

use crate::board::{Board, Feature, Medium, Stepping};
use crate::choose::Chosen;
use crate::config::{Overlay, RequestedOverlay};
use crate::devicetree;
use crate::disk::Disk;
use crate::error::Failure;
use crate::fat::{BootFile, FatError};
use crate::log::Log;

/// Kernels looked for without `kernel=`, first hit wins. Source: Raspberry Pi documentation, `kernel`.
const KERNELS: [&str; 2] = ["kernel_2712.img", "kernel8.img"];

/// Files of this size and more cannot be read from NVMe by old releases (release notes 2025-06-09).
const LARGE: u64 = 32 << 20;

/// Most bytes of a command line: `COMMAND_LINE_SIZE` of the arm64 kernel, less its final NUL.
const CMDLINE_MAX: usize = 2047;

/// Most bytes of the file with the command line in this model.
const CMDLINE_FILE_MAX: u64 = 16 << 10;

/// A name with the prefix in front, unless it is absolute (`/` first).
pub(crate) fn prefixed(prefix: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{prefix}{name}") }
}

/// The name of the initramfs that `auto_initramfs` takes for a known kernel.
/// Source: Raspberry Pi documentation, `auto_initramfs`: `initramfs` in place of `kernel`, no extension.
fn automatic(kernel: &str) -> Option<String> {
    let (folder, name) = kernel.rsplit_once('/').map_or(("", kernel), |(folder, name)| (folder, name));
    let known = matches!(name, "kernel_2712.img" | "kernel8.img" | "kernel8_rt.img");
    let stem = name.strip_prefix("kernel")?.strip_suffix(".img")?;
    let slash = if folder.is_empty() && !kernel.starts_with('/') { "" } else { "/" };
    known.then(|| format!("{folder}{slash}initramfs{stem}"))
}

/// What was found.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) initramfs: Vec<BootFile>,
    pub(crate) overlays: Vec<Overlay>,
    pub(crate) cmdline: String,
    /// Files that the configuration names and the firmware carries on without.
    pub(crate) missing: Vec<String>,
}

/// Looks for the files of one boot.
pub(crate) struct Loader<'a, 'r, D: ?Sized> {
    pub(crate) chosen: &'a Chosen<'r, D>,
    pub(crate) board: &'a Board,
    pub(crate) log: &'a mut Log,
}

impl<D: Disk + ?Sized> Loader<'_, '_, D> {
    /// Kernel, device tree and the prefix that holds for the other files.
    ///
    /// A prefix under which kernel or device tree are missing is dropped (documentation, `os_prefix`).
    /// Inferred for the Pi 5, reported of a Pi 4: `kernel=` with a missing file falls back to the default
    /// kernels.
    pub(crate) fn kernel_and_tree(&mut self) -> Result<(BootFile, BootFile, String), Failure> {
        let config = &self.chosen.config;
        if !config.os_prefix.is_empty() {
            match self.pair(&config.os_prefix) {
                Ok((kernel, tree)) => return Ok((kernel, tree, config.os_prefix.clone())),
                Err(failure) => {
                    self.log.warn(format!("os_prefix={} is dropped: {failure}.", config.os_prefix));
                }
            }
        }
        self.pair("").map(|(kernel, tree)| (kernel, tree, String::new()))
    }

    fn pair(&mut self, prefix: &str) -> Result<(BootFile, BootFile), Failure> {
        let config = &self.chosen.config;
        let tree_name = config.device_tree.as_deref().unwrap_or(self.board.model.device_tree());
        let tree_path = prefixed(prefix, tree_name);
        let tree = self.find(&tree_path)?.ok_or_else(|| self.failure(&tree_path, "is missing"))?;
        let refused = devicetree::refuse(&self.chosen.volume, &tree);
        if let Some(reason) = refused.map_err(|error| self.failure(&tree_path, &error.to_string()))? {
            // Without os_check the firmware takes any tree, but a kernel for this board needs a real one.
            return Err(self.failure(&tree_path, &format!("cannot be used: {reason}")));
        }
        for name in config.kernel.as_deref().into_iter().chain(KERNELS) {
            let path = prefixed(prefix, name);
            let Some(kernel) = self.find(&path)? else {
                if config.kernel.as_deref() == Some(name) {
                    self.log.warn(format!("{path} is missing, the firmware falls back to a default kernel."));
                }
                continue;
            };
            if kernel.size == 0 {
                return Err(self.failure(&path, "is empty"));
            }
            self.check_size(&kernel)?;
            return Ok((kernel, tree));
        }
        Err(self.failure(config.kernel.as_deref().unwrap_or(KERNELS[0]), "is missing"))
    }

    /// Initramfs, overlays and command line.
    pub(crate) fn rest(&mut self, kernel: &BootFile, prefix: &str) -> Result<Files, Failure> {
        let mut files = Files::default();
        self.initramfs(&mut files, kernel, prefix)?;
        self.overlays(&mut files, prefix)?;
        self.cmdline(&mut files, prefix)?;
        Ok(files)
    }

    /// Inferred from "Failed to load '%s' - initramfs disabled": one missing file disables them all.
    fn initramfs(&mut self, files: &mut Files, kernel: &BootFile, prefix: &str) -> Result<(), Failure> {
        let config = &self.chosen.config;
        let mut paths: Vec<String> = config.initramfs.iter().map(|name| prefixed(prefix, name)).collect();
        if paths.is_empty() && config.auto_initramfs {
            match automatic(&kernel.path) {
                Some(path) => paths.push(path),
                None => self.log.warn(format!("auto_initramfs knows no initramfs for {}.", kernel.path)),
            }
            if !prefix.is_empty() {
                // Release notes 2025-12-08 and 2026-06-29: wrong path in between.
                self.log.warn("auto_initramfs with os_prefix fails on releases before 2026-06-29.");
            }
        }
        for path in paths {
            match self.find(&path)? {
                Some(file) => {
                    self.check_size(&file)?;
                    files.initramfs.push(file);
                }
                None => {
                    self.log.warn(format!("{path} is missing, the firmware loads no initramfs at all."));
                    files.missing.push(path);
                }
            }
        }
        if !files.missing.is_empty() {
            files.initramfs.clear();
        }
        Ok(())
    }

    /// The overlay for D0 silicon first, then those of `config.txt`.
    ///
    /// `os_prefix` counts for overlays only where `${os_prefix}${overlay_prefix}README` exists
    /// (documentation, `overlay_prefix`). A missing overlay is logged and passed over ("Failed to open
    /// overlay file"), except on D0: there the kernel dies without it (mender-raspberrypi and Talos issues).
    fn overlays(&mut self, files: &mut Files, prefix: &str) -> Result<(), Failure> {
        let config = &self.chosen.config;
        let own = format!("{prefix}{}", config.overlay_prefix);
        let shared = !prefix.is_empty() && self.find(&format!("{own}README"))?.is_none();
        let folder = if shared { config.overlay_prefix.clone() } else { own };
        if self.board.stepping == Stepping::D0 {
            let path = format!("{folder}bcm2712d0.dtbo");
            let Some(file) = self.find(&path)? else {
                return Err(Failure::StepD0 { partition: self.chosen.number, path });
            };
            self.log.step(format!("D0 silicon: {path} is applied."));
            files.overlays.push(Overlay { file, parameters: String::new() });
        }
        for RequestedOverlay { name, parameters } in &config.overlays {
            let path = format!("{folder}{name}.dtbo");
            match self.find(&path)? {
                Some(file) => files.overlays.push(Overlay { file, parameters: parameters.clone() }),
                None => {
                    self.log.warn(format!("{path} is missing, the firmware carries on without it."));
                    files.missing.push(path);
                }
            }
        }
        Ok(())
    }

    /// The first line of the file (documentation: all on one line; that later lines do not count is
    /// inferred), with what the firmware appends for the kernel watchdog. Arguments that the firmware adds
    /// for the board itself (`numa=`, `coherent_pool=`, ...) are not modelled.
    fn cmdline(&mut self, files: &mut Files, prefix: &str) -> Result<(), Failure> {
        let config = &self.chosen.config;
        let path = prefixed(prefix, &config.cmdline);
        match self.find(&path)? {
            None => {
                self.log.warn(format!("{path} is missing, the kernel gets no command line."));
                files.missing.push(path);
            }
            Some(file) => {
                let read = self.chosen.volume.read(&file, CMDLINE_FILE_MAX);
                let bytes = read.map_err(|error| self.failure(&path, &error.to_string()))?;
                let line = bytes.split(|byte| matches!(byte, 0 | b'\n' | b'\r')).next().unwrap_or_default();
                String::from_utf8_lossy(line).trim().clone_into(&mut files.cmdline);
            }
        }
        if config.kernel_watchdog_timeout > 0 {
            files.cmdline.push_str(&format!(" watchdog.open_timeout={}", config.kernel_watchdog_timeout));
        }
        if files.cmdline.len() > CMDLINE_MAX {
            self.log.warn(format!("The kernel cuts the command line at {CMDLINE_MAX} bytes."));
        }
        Ok(())
    }

    fn check_size(&self, file: &BootFile) -> Result<(), Failure> {
        let old = !self.board.eeprom.supports(Feature::LargeNvmeFiles);
        if old && self.board.medium == Medium::Nvme && file.size >= LARGE {
            let reason = "has 32 MiB or more, which EEPROM releases before 2025-06-09 cannot read from NVMe";
            return Err(self.failure(&file.path, reason));
        }
        Ok(())
    }

    pub(crate) fn find(&self, path: &str) -> Result<Option<BootFile>, Failure> {
        let found: Result<_, FatError> = self.chosen.volume.find(path);
        found.map_err(|error| self.failure(path, &format!("cannot be read: {error}")))
    }

    fn failure(&self, path: &str, reason: &str) -> Failure {
        Failure::File { partition: self.chosen.number, path: path.to_owned(), reason: reason.to_owned() }
    }
}
