//! The results of a build, in one folder: the compressed image, its block map, its manifest, its bill of materials, an
//! entry for Raspberry Pi Imager, and the emulator's part of the initramfs.

pub mod imager;
pub mod manifest;
mod pack;
pub mod sbom;

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tayberry_firmware::{Board, Medium, ResetState, Stepping};
use tayberry_format::slot::Slot;
use tayberry_format::verity::Tree as HashTree;

use crate::bmap::Map;
use crate::build::boot_files::{self, BootFiles};
use crate::build::disk::{self, System};
use crate::build::tree::Tree;
use crate::build::{BuildError, at};
use crate::config::{Config, Kernel};
use crate::files::Whole;
use crate::lock::Lock;
use crate::ui::{Ui, human};

/// What was built, for those who describe it.
pub struct Facts<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The kernel flavour.
    pub kernel: &'a Kernel,
    /// The lock.
    pub lock: &'a Lock,
    /// The kernel's release.
    pub release: &'a str,
    /// The tree that was compressed.
    pub tree: &'a Tree,
    /// What the firmware reads.
    pub boot: &'a BootFiles,
    /// The hash tree of the system partition.
    pub hash_tree: &'a HashTree,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The compressed image.
    pub image: PathBuf,
    /// Its length in bytes.
    pub image_bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub image_sha256: String,
    /// Length of the disk in bytes.
    pub disk_bytes: u64,
    /// SHA-256 of the disk, hexadecimal.
    pub disk_sha256: String,
    /// Root hash of the system partition.
    pub root_hash: String,
    /// EROFS and hash tree in bytes.
    pub system_bytes: u64,
    /// Initramfs in bytes.
    pub initramfs_bytes: u64,
    /// Initramfs of the rescue system in bytes.
    pub rescue_bytes: u64,
}

impl Written {
    /// For people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}\n  image {}, system partition {}, initramfs {}, rescue {}\n  root hash {}",
            self.image.display(),
            human(self.image_bytes),
            human(self.system_bytes),
            human(self.initramfs_bytes),
            human(self.rescue_bytes),
            self.root_hash
        )
    }
}

/// Writes everything to `out`. Nothing gets its name before everything is written, and the image gets it last: where it
/// is, the rest is too.
///
/// # Errors
/// When the disk would not boot, or a file cannot be written.
pub fn write(
    out: &Path,
    facts: &Facts<'_>,
    image: &Path,
    emulator: &[u8],
    ui: Ui,
) -> Result<Written, BuildError> {
    let stem = format!("{}-{}", facts.config.image.name, facts.config.image.version);
    let path = |suffix: &str| out.join(format!("{stem}{suffix}"));
    let stage = ui.stage("disk", None);
    let cmdline = boot_files::command_line(facts.kernel, facts.hash_tree.root);
    let mut raw = Whole::begin(&path(".img")).map_err(at(out))?;
    disk::write(raw.file(), facts.boot, &cmdline, &System { image, tree: facts.hash_tree })?;
    would_boot(raw.file())?;
    stage.finish("slot A boots, on either silicon");

    let map = Map::of_sparse(raw.file(), &always_written(image, facts.hash_tree)?).map_err(at(raw.path()))?;
    let target = path(".img.zst");
    let (packed, digest) = pack::pack(&target, raw.file(), ui)?;
    let written = Written {
        image_bytes: std::fs::metadata(packed.path()).map_err(at(&target))?.len(),
        image_sha256: crate::files::sha256(packed.path()).map_err(at(&target))?,
        image: target.clone(),
        disk_bytes: tayberry_format::layout::IMAGE_BYTES,
        disk_sha256: digest,
        root_hash: facts.hash_tree.root.to_string(),
        system_bytes: std::fs::metadata(image).map_err(at(image))?.len() + facts.hash_tree.area.len() as u64,
        initramfs_bytes: facts.boot.initramfs.len() as u64,
        rescue_bytes: facts.boot.rescue.len() as u64,
    };
    let json = |value: &serde_json::Value| serde_json::to_vec_pretty(value).unwrap_or_default();
    let mut finished = Vec::new();
    for (name, bytes) in [
        (path(".img.bmap"), map.render().into_bytes()),
        (path(".emulator.img"), emulator.to_vec()),
        (out.join("manifest.json"), json(&manifest::build(facts, &cmdline, &written)?)),
        (path(".spdx.json"), json(&sbom::build(facts))),
        (path(".imager.json"), json(&imager::build(facts, &written))),
    ] {
        let mut whole = Whole::begin(&name).map_err(at(&name))?;
        whole.file().write_all(&bytes).map_err(at(&name))?;
        finished.push((whole, name));
    }
    finished.push((packed, target));
    // A full disk may show only here.
    for (whole, name) in &mut finished {
        whole.file().sync_data().map_err(at(name))?;
    }
    for (whole, name) in finished {
        whole.finish().map_err(at(name))?;
    }
    Ok(written)
}

/// What must be written to a drive even where the image has holes: whatever is read without having been written by us.
/// Allocation tables, the padding under a hash tree, and the header that an empty slot does not have.
fn always_written(image: &Path, tree: &HashTree) -> Result<Vec<Range<u64>>, BuildError> {
    use tayberry_format::layout::{CONFIG, HASH_OFFSET, MIB, boot, system};
    let range = |start: u64, bytes: u64| start..start + bytes;
    let system_bytes = std::fs::metadata(image).map_err(at(image))?.len();
    let area = tree.area.len() as u64;
    let mut ranges: Vec<_> =
        [CONFIG, boot(Slot::A), boot(Slot::B)].map(|part| range(part.start, 2 * MIB)).to_vec();
    ranges.push(range(0, MIB));
    ranges.push(range(system(Slot::A).start, system_bytes));
    ranges.push(range(system(Slot::A).start + HASH_OFFSET, area));
    ranges.push(range(system(Slot::B).start + HASH_OFFSET, MIB));
    Ok(ranges)
}

/// Asks the firmware model whether slot A boots with every file, from both media and on both steppings; and whether it leads to
/// the rescue system at the third start.
fn would_boot(disk: &std::fs::File) -> Result<(), BuildError> {
    let starts = [
        ("", ResetState::default()),
        (boot_files::RESCUE, ResetState { boot_count: 2, ..ResetState::default() }),
    ];
    for medium in [Medium::Sd, Medium::Nvme] {
        for stepping in [Stepping::C1, Stepping::D0] {
            for (prefix, reset) in &starts {
                let board = Board { medium, stepping, ..Board::default() };
                let boot = tayberry_firmware::boot(disk, &board, reset)
                    .map_err(|error| BuildError::WouldNotBoot(error.to_string()))?;
                if boot.slot() != Some(Slot::A) || !boot.is_complete() || boot.os_prefix != *prefix {
                    let log: Vec<&str> = boot.log.iter().map(|line| line.text.as_str()).collect();
                    return Err(BuildError::WouldNotBoot(log.join(" ")));
                }
            }
        }
    }
    Ok(())
}
