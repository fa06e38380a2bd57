//! Digests of a boot partition's files, by which two systems are told to need the same of the firmware. What follows from that is
//! decided in `tayberry_core::update::speed`.

use sha2::{Digest, Sha256};
use tayberry_format::bundle::manifest::BootFiles;
use tayberry_format::cmdline::ROOT_HASH;
use tayberry_format::layout;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::disk::{Disk, DiskError};
use crate::fat::BootFile;
use crate::locate::{LocateError, list, locate};

/// The kernel's command line.
const CMDLINE: &str = "cmdline.txt";
/// Longest command line, in bytes.
const LONGEST: u64 = 64 << 10;
/// Bytes of one read.
const READ: usize = 128 << 10;

/// Files that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The table or the file system.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// More than a boot partition can hold: files that lie over each other.
    #[error("partition {partition}: its files have {bytes} bytes, more than the partition; write it again")]
    TooLong {
        /// Number in the table.
        partition: u32,
        /// Bytes of all files.
        bytes: u64,
    },
    /// The disk.
    #[error("{path}: {error}")]
    Disk {
        /// The file.
        path: String,
        /// The read that failed.
        error: DiskError,
    },
}

/// Digests of all files of the partition with this number; that of the command line leaves the root hash out.
///
/// # Errors
/// [`DigestError`] when the table, the file system or a file is missing or damaged, or the files are longer than a boot partition.
pub fn digests<D: Disk + ?Sized>(disk: &D, partition: u32) -> Result<BootFiles, DigestError> {
    let listed = list(disk, partition)?;
    within(partition, listed.iter().map(|(_, bytes)| *bytes))?;
    let mut files = BootFiles::new();
    for (path, _) in listed {
        let file = locate(disk, partition, &path)?;
        let digest = digest(disk, &path, &file);
        let digest = digest.map_err(|error| DigestError::Disk { path: path.clone(), error })?;
        files.insert(path, hex::encode(digest));
    }
    Ok(files)
}

/// Files of these lengths fit into a boot partition.
fn within(partition: u32, lengths: impl Iterator<Item = u64>) -> Result<(), DigestError> {
    let bytes = lengths.fold(0_u64, u64::saturating_add);
    if bytes <= layout::boot(Slot::A).bytes { Ok(()) } else { Err(DigestError::TooLong { partition, bytes }) }
}

fn digest<D: Disk + ?Sized>(disk: &D, path: &str, file: &BootFile) -> Result<[u8; 32], DiskError> {
    let is_cmdline = path.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(CMDLINE));
    if is_cmdline && file.size <= LONGEST {
        let mut text = Vec::new();
        each(disk, file, |bytes| text.extend_from_slice(bytes))?;
        return Ok(Sha256::digest(without_hash(text)).into());
    }
    let mut digest = Sha256::new();
    each(disk, file, |bytes| digest.update(bytes))?;
    Ok(digest.finalize().into())
}

/// Reads a file piece by piece.
fn each<D: Disk + ?Sized>(disk: &D, file: &BootFile, mut take: impl FnMut(&[u8])) -> Result<(), DiskError> {
    let mut buffer = vec![0; READ];
    for extent in &file.extents {
        let (mut at, end) = (extent.offset, extent.offset + extent.length);
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(READ).min(READ);
            disk.read_at(at, &mut buffer[..length])?;
            take(&buffer[..length]);
            at += length as u64;
        }
    }
    Ok(())
}

fn without_hash(mut text: Vec<u8>) -> Vec<u8> {
    let name = format!("{ROOT_HASH}=");
    if let Some(at) = text.windows(name.len()).position(|window| window == name.as_bytes()) {
        let from = at + name.len();
        text.drain(from..(from + 2 * size_of::<RootHash>()).min(text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_lie_over_each_other_are_not_read() {
        assert!(within(2, [255 << 20, 1 << 20].into_iter()).is_ok());
        assert!(within(2, [255 << 20, (1 << 20) + 1].into_iter()).is_err());
        assert!(within(2, [u64::MAX; 3].into_iter()).is_err());
    }

    #[test]
    fn the_root_hash_does_not_count() {
        let line = |hash: &str| without_hash(format!("ro tayberry.roothash={hash} quiet").into_bytes());
        assert_eq!(line(&"ab".repeat(32)), line(&"cd".repeat(32)));
        assert_ne!(line(&"ab".repeat(32)), without_hash(b"rw tayberry.roothash=0".to_vec()));
        assert_eq!(without_hash(b"x tayberry.roothash=ab".to_vec()), b"x tayberry.roothash=");
    }
}
