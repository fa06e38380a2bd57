//! Puts the partitions together to a disk image.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use tayberry_format::config_partition;
use tayberry_format::fat::{self, Shape};
use tayberry_format::layout::{self, Partition};
use tayberry_format::slot::Slot;
use tayberry_format::table;
use tayberry_format::verity::Tree as HashTree;

use crate::build::boot_files::{self, BootFiles};
use crate::build::{BuildError, at};

/// The file system of a boot partition: the same bytes in either slot, so that an update does not depend on the slot that takes
/// it. Where the partition lies is left out of it (BPB_HiddSec is 0, as in every image that mtools made).
const BOOT: Shape = Shape {
    bytes: layout::boot(Slot::A).bytes,
    start: 0,
    sectors_per_cluster: 4,
    label: *b"BOOT       ",
    serial: 2,
};

/// A system partition's contents.
pub struct System<'a> {
    /// The EROFS image.
    pub image: &'a Path,
    /// Its hash tree.
    pub tree: &'a HashTree,
}

/// Writes a disk with slot A filled and slot B empty to `disk`, which must be empty. The image is sparse.
///
/// # Errors
/// When a file does not fit or the disk cannot be written.
pub fn write(
    disk: &mut File,
    boot: &BootFiles,
    cmdline: &str,
    system: &System<'_>,
) -> Result<(), BuildError> {
    let path = Path::new("the disk image");
    disk.set_len(layout::IMAGE_BYTES).map_err(at(path))?;
    // Everything that identifies the disk follows from what it holds.
    let seed = system.tree.root.0;
    table::write_image(disk, &seed)?;
    let autoboot = boot_files::autoboot_sector();
    write_fat(disk, layout::CONFIG, config_partition::SHAPE, &config_partition::files(&autoboot))?;
    write_fat(disk, layout::boot(Slot::A), BOOT, &boot.list(cmdline))?;
    // An empty file system without config.txt: the firmware passes it by.
    write_fat(disk, layout::boot(Slot::B), BOOT, &[])?;
    let place = layout::system(Slot::A);
    disk.seek(SeekFrom::Start(place.start)).map_err(at(path))?;
    let mut image = File::open(system.image).map_err(at(system.image))?;
    std::io::copy(&mut image, disk).map_err(at(path))?;
    disk.seek(SeekFrom::Start(place.start + layout::HASH_OFFSET)).map_err(at(path))?;
    disk.write_all(&system.tree.area).map_err(at(path))
}

fn write_fat(
    disk: &mut File,
    partition: Partition,
    shape: Shape,
    files: &[fat::File<'_>],
) -> Result<(), BuildError> {
    disk.seek(SeekFrom::Start(partition.start)).map_err(at("the disk image"))?;
    fat::write(disk, shape, files)?;
    Ok(())
}
