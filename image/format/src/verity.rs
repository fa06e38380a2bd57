//! The hash tree of dm-verity (kernel documentation, admin-guide/device-mapper/verity.rst), format version 1,
//! SHA-256, blocks of 4096 bytes, no salt: made by the builder, checked by `inspect` and before an update is
//! staged. The kernel checks it at every read; setting that up is `tayberry-init`'s work.
//!
//! No salt: it would protect against collisions prepared for many images at once, at the price of a second
//! value that has to travel beside the root hash.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::layout::HASH_OFFSET;

/// Size of data and hash blocks in bytes: the page size of the default kernel, and what EROFS uses.
pub const BLOCK: usize = 4096;
/// Digests in one hash block.
const FANOUT: usize = BLOCK / 32;
/// Magic of the header block that stands in front of the tree.
const MAGIC: [u8; 8] = *b"tbverity";

/// The hash that stands for a whole system partition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootHash(pub [u8; 32]);

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for RootHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RootHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What can be wrong with a hash tree.
#[derive(Debug, thiserror::Error)]
pub enum VerityError {
    /// Reading failed.
    #[error("the system partition cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Not 64 hexadecimal digits.
    #[error("{0:?} is not a root hash: it has 64 hexadecimal digits")]
    NotAHash(String),
    /// No header at [`HASH_OFFSET`].
    #[error("there is no hash tree in this system partition: the slot is empty")]
    Empty,
    /// More data than fits in front of the tree.
    #[error("the file system has {0} blocks of 4096 bytes; {max} fit in a system partition", max = HASH_OFFSET / BLOCK as u64)]
    TooLarge(u64),
    /// The root hash of the tree differs from the expected one.
    #[error("the hash tree belongs to root hash {found}, not to {expected}")]
    Root {
        /// What the tree says.
        found: RootHash,
        /// What the command line says.
        expected: RootHash,
    },
    /// The data is right, a block of the tree is not.
    #[error("block {block} of the hash tree is damaged (byte {} behind its header)", block * BLOCK as u64)]
    Tree {
        /// Its number, from 0 at the root.
        block: u64,
    },
    /// A block differs from its hash.
    #[error("block {block} of the system partition is damaged (byte {})", block * BLOCK as u64)]
    Damaged {
        /// Its number, from 0.
        block: u64,
    },
}

impl FromStr for RootHash {
    type Err = VerityError;

    fn from_str(text: &str) -> Result<Self, VerityError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| VerityError::NotAHash(text.to_owned()))?;
        Ok(Self(hash))
    }
}

/// The block at [`HASH_OFFSET`]: how much data the tree covers. The tree itself follows in the next block,
/// root level first, as the kernel expects it. Trusted only through the root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Data blocks of 4096 bytes.
    pub data_blocks: u64,
}

impl Header {
    /// Byte offset of the first hash block inside the system partition.
    pub const TREE_OFFSET: u64 = HASH_OFFSET + BLOCK as u64;

    /// The header as it stands on the disk.
    #[must_use]
    pub fn encode(self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&MAGIC);
        block[8..16].copy_from_slice(&self.data_blocks.to_le_bytes());
        block
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When there is none, or when it claims more data than a system partition holds.
    pub fn decode(block: &[u8; BLOCK]) -> Result<Self, VerityError> {
        if block[..8] != MAGIC {
            return Err(VerityError::Empty);
        }
        let mut number = [0; 8];
        number.copy_from_slice(&block[8..16]);
        let data_blocks = u64::from_le_bytes(number);
        check_size(data_blocks)?;
        Ok(Self { data_blocks })
    }
}

fn check_size(data_blocks: u64) -> Result<(), VerityError> {
    if data_blocks == 0 || data_blocks > HASH_OFFSET / BLOCK as u64 {
        return Err(VerityError::TooLarge(data_blocks));
    }
    Ok(())
}

/// A finished tree.
#[derive(Debug)]
pub struct Tree {
    /// Its root.
    pub root: RootHash,
    /// Header block and hash blocks, to be written at [`HASH_OFFSET`].
    pub area: Vec<u8>,
    /// Data blocks that it covers.
    pub data_blocks: u64,
}

/// Hashes `data`, which is padded with zeros to whole blocks.
///
/// # Errors
/// When reading fails or the data is larger than a system partition can take.
pub fn build(mut data: impl Read) -> Result<Tree, VerityError> {
    let mut leaves = Vec::new();
    let mut block = [0; BLOCK];
    while read_block(&mut data, &mut block)? {
        leaves.extend_from_slice(&Sha256::digest(block));
    }
    let data_blocks = (leaves.len() / 32) as u64;
    check_size(data_blocks)?;
    let mut levels = vec![pad(leaves)];
    // `levels` always holds the leaf level, so the last level exists; the loop ends with a single block.
    while let Some(below) = levels.last().filter(|level| level.len() > BLOCK) {
        let next: Vec<u8> =
            below.chunks(BLOCK).flat_map(|block| <[u8; 32]>::from(Sha256::digest(block))).collect();
        levels.push(pad(next));
    }
    let root = levels.last().map_or([0; 32], |top| Sha256::digest(top).into());
    let mut area = Header { data_blocks }.encode().to_vec();
    area.extend(levels.into_iter().rev().flatten());
    Ok(Tree { root: RootHash(root), area, data_blocks })
}

fn pad(mut level: Vec<u8>) -> Vec<u8> {
    level.resize(level.len().next_multiple_of(BLOCK), 0);
    level
}

/// Fills `block` from `data`, zero-padded at the end of the data. False when nothing was left.
fn read_block(data: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match data.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block[filled..].fill(0);
    Ok(filled > 0)
}

/// Number of hash blocks of the tree over `data_blocks`.
#[must_use]
pub fn hash_blocks(data_blocks: u64) -> u64 {
    let mut total = 0;
    let mut level = data_blocks;
    loop {
        level = level.div_ceil(FANOUT as u64);
        total += level;
        if level <= 1 {
            return total;
        }
    }
}

/// Checks every block of `data` against the tree in `area` (header and hash blocks) and the tree against `expected`.
///
/// # Errors
/// Names the first damaged block, or the root hash that was found instead.
pub fn verify(data: impl Read, area: &[u8], expected: RootHash) -> Result<u64, VerityError> {
    let header = area.first_chunk::<BLOCK>().ok_or(VerityError::Empty)?;
    let data_blocks = Header::decode(header)?.data_blocks;
    let rebuilt = build(data.take(data_blocks * BLOCK as u64))?;
    if rebuilt.root == expected {
        return check_stored(area, &rebuilt.area).map(|()| data_blocks);
    }
    let leaf_bytes = usize::try_from(data_blocks).unwrap_or(usize::MAX).saturating_mul(32);
    let total = BLOCK * (1 + usize::try_from(hash_blocks(data_blocks)).unwrap_or(usize::MAX - 1));
    let stored = area.get(..total).and_then(|area| area.get(total - leaf_bytes.next_multiple_of(BLOCK)..));
    let fresh = &rebuilt.area[rebuilt.area.len() - leaf_bytes.next_multiple_of(BLOCK)..];
    let differing =
        stored.and_then(|stored| stored.chunks(32).zip(fresh.chunks(32)).position(|(a, b)| a != b));
    match differing {
        Some(block) => Err(VerityError::Damaged { block: block as u64 }),
        None => Err(VerityError::Root { found: rebuilt.root, expected }),
    }
}

/// Checks a whole system partition. `window` reads the bytes between two offsets of it; the tree is read first.
/// Returns the data blocks.
///
/// # Errors
/// As [`verify`], or when reading fails.
pub fn verify_partition<R: Read>(
    window: impl Fn(u64, u64) -> io::Result<R>,
    expected: RootHash,
) -> Result<u64, VerityError> {
    let block = BLOCK as u64;
    let mut area = vec![0; BLOCK];
    window(HASH_OFFSET, HASH_OFFSET + block)?.read_exact(&mut area)?;
    let head = area.first_chunk::<BLOCK>().ok_or(VerityError::Empty)?;
    let data_blocks = Header::decode(head)?.data_blocks;
    let end = HASH_OFFSET + block * (1 + hash_blocks(data_blocks));
    window(HASH_OFFSET + block, end)?.read_to_end(&mut area)?;
    let data = io::BufReader::with_capacity(1 << 18, window(0, data_blocks * block)?);
    verify(data, &area, expected)
}

/// The kernel reads the stored tree: it must be the one that the data gives.
fn check_stored(stored: &[u8], fresh: &[u8]) -> Result<(), VerityError> {
    let stored = stored.chunks(BLOCK).map(Some).chain(std::iter::repeat(None));
    match fresh.chunks(BLOCK).zip(stored).skip(1).position(|(fresh, stored)| stored != Some(fresh)) {
        Some(block) => Err(VerityError::Tree { block: block as u64 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_block_is_its_own_leaf() {
        let tree = build(&[7_u8; 10][..]).unwrap();
        let mut block = [0_u8; BLOCK];
        block[..10].fill(7);
        let mut leaf = Sha256::digest(block).to_vec();
        leaf.resize(BLOCK, 0);
        assert_eq!(tree.root.0, <[u8; 32]>::from(Sha256::digest(&leaf)));
        assert_eq!(tree.area.len(), 2 * BLOCK);
    }

    /// Made with `veritysetup format --no-superblock --salt=- --hash=sha256` of cryptsetup 2.6.1 over 300
    /// blocks in which every byte is the block's number modulo 251.
    #[test]
    fn agrees_with_veritysetup() {
        let data: Vec<u8> =
            (0..300_usize).flat_map(|block| vec![u8::try_from(block % 251).unwrap(); BLOCK]).collect();
        let tree = build(&data[..]).unwrap();
        assert_eq!(tree.root.to_string(), include_str!("../fixtures/verity-300.roothash").trim());
        assert_eq!(hash_blocks(300), 4);
        assert_eq!(tree.area.len(), BLOCK * 5);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_found(len in 1_usize..60_000, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut data: Vec<u8> = (0..len).map(|n| u8::try_from(n % 253).unwrap()).collect();
            data.resize(len.next_multiple_of(BLOCK), 0);
            let tree = build(&data[..]).unwrap();
            prop_assert!(verify(&data[..], &tree.area, tree.root).is_ok());
            let at = at.index(data.len());
            data[at] ^= 1 << bit;
            match verify(&data[..], &tree.area, tree.root) {
                Err(VerityError::Damaged { block }) => prop_assert_eq!(block, (at / BLOCK) as u64),
                other => prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn a_flipped_bit_of_the_tree_is_found(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let data = vec![3; 200 * BLOCK];
            let mut tree = build(&data[..]).unwrap();
            let at = BLOCK + at.index(tree.area.len() - BLOCK);
            tree.area[at] ^= 1 << bit;
            let result = verify(&data[..], &tree.area, tree.root);
            let expected = (at / BLOCK - 1) as u64;
            let found = matches!(result, Err(VerityError::Tree { block }) if block == expected);
            prop_assert!(found, "{result:?}");
        }

        #[test]
        fn hostile_areas_are_refused(area in prop::collection::vec(any::<u8>(), 0..3 * BLOCK)) {
            prop_assert!(verify(&[0_u8; BLOCK][..], &area, RootHash([0; 32])).is_err());
        }
    }
}
