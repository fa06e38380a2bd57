//! The head of a flattened device tree: is it one, is it whole, which boards is it for? Applying overlays
//! and everything else is left to the emulator. Source: Devicetree Specification 0.4, chapter 5.

use crate::bytes::be32_at;
use crate::disk::Disk;
use crate::fat::{BootFile, FatError, Volume};

/// What the firmware looks for (`brcm,bcm2712` is the string in the bootloader image of 2026-05-26).
const OURS: &[u8] = b"brcm,bcm2712";

/// Bytes of the structure block that are read: the properties of the root come first in it.
const HEAD: u64 = 8192;

/// Most properties of the root that are looked at.
const MAX_PROPERTIES: usize = 64;

/// Says why this file is no device tree for a BCM2712, or nothing when it is one.
///
/// Reads the header, the first 8 KiB of the structure block and a few names.
pub(crate) fn refuse<D: Disk + ?Sized>(
    volume: &Volume<'_, D>,
    file: &BootFile,
) -> Result<Option<String>, FatError> {
    let mut header = [0_u8; 40];
    if !volume.read_part(file, 0, &mut header)? || be32_at(&header, 0) != 0xd00d_feed {
        return Ok(Some(format!("{} is not a device tree", file.path)));
    }
    if u64::from(be32_at(&header, 4)) > file.size {
        return Ok(Some(format!("{} is cut off", file.path)));
    }
    let (structure, strings) = (u64::from(be32_at(&header, 8)), u64::from(be32_at(&header, 12)));
    let length = HEAD.min(u64::from(be32_at(&header, 36))).min(file.size.saturating_sub(structure));
    let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
    volume.read_part(file, structure, &mut block)?;
    for (name_at, value) in root_properties(&block) {
        let mut name = [0_u8; 11];
        let there = volume.read_part(file, strings + u64::from(name_at), &mut name)?;
        if there && name == *b"compatible\0" {
            let found = value.split(|byte| *byte == 0).any(|part| part == OURS);
            let reason = format!("{} is for another board", file.path);
            return Ok((!found).then_some(reason));
        }
    }
    Ok(Some(format!("{} names no board", file.path)))
}

/// Name offset and value of each property of the root node.
fn root_properties(block: &[u8]) -> Vec<(u32, &[u8])> {
    let mut properties = Vec::new();
    // FDT_BEGIN_NODE and the root's empty name, padded.
    let mut at = 8;
    if be32_at(block, 0) != 1 {
        return properties;
    }
    while properties.len() < MAX_PROPERTIES {
        match be32_at(block, at) {
            // FDT_NOP
            4 => at += 4,
            // FDT_PROP: length, name offset, value padded to 4 bytes.
            3 => {
                let length = usize::try_from(be32_at(block, at + 4)).unwrap_or(usize::MAX);
                let start = at + 12;
                let Some(value) = start.checked_add(length).and_then(|end| block.get(start..end)) else {
                    break;
                };
                properties.push((be32_at(block, at + 8), value));
                at = start + length.next_multiple_of(4);
            }
            _ => break,
        }
    }
    properties
}
