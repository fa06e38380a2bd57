//! What happens to drives.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use tayberry_firmware::locate;
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, Header};

/// Every eighth block of a slot's system is gone: whatever it does, it does not come up.
///
/// # Errors
/// When the disk cannot be written.
pub fn decay(disk: &File, slot: Slot) -> io::Result<()> {
    let start = layout::system(slot).start;
    let mut head = [0; BLOCK];
    disk.read_exact_at(&mut head, start + HASH_OFFSET)?;
    let blocks = Header::decode(&head).map_err(io::Error::other)?.data_blocks;
    for block in (8..blocks).step_by(8) {
        disk.write_all_at(&[0x5a; 64], start + block * BLOCK as u64)?;
    }
    Ok(())
}

/// The initramfs of a slot is noise: its kernel starts, and finds nothing.
///
/// # Errors
/// When there is none, or the disk cannot be written.
pub fn garble_initramfs(disk: &File, slot: Slot) -> io::Result<()> {
    let place = locate(disk, slot.boot_partition(), "initramfs.img").map_err(io::Error::other)?;
    for extent in &place.extents {
        disk.write_all_at(
            &vec![0xa5; usize::try_from(extent.length).map_err(io::Error::other)?],
            extent.offset,
        )?;
    }
    Ok(())
}
