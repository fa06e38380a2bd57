//! The key block: the first blocks of the data partition, which hold the random key of everything behind them.
//! A factory reset destroys these blocks first, and with them every byte.
//!
//! Two copies, so that a single bad block does not cost the owner's data. The state says whether a file system
//! was ever made: a damaged file system must never be taken for a new one and formatted. In place of a key they may say that everything
//! is to be destroyed: one copy that says so is enough, so that a reset that was begun is ended, whenever the power goes.

use crate::layout::MIB;

/// Bytes of one copy.
pub const BLOCK: usize = 4096;
/// Where the copies lie, in bytes from the beginning of the data partition.
pub const COPIES: [u64; 2] = [0, BLOCK as u64];
/// Where the encrypted data begins, in bytes from the beginning of the data partition.
pub const PAYLOAD: u64 = MIB;

const MAGIC: [u8; 8] = *b"tbkey\0\0\x01";
/// State of a copy that says that everything is to be destroyed; it holds no key.
const ERASE: u8 = 3;

/// Key of the data partition: 512 bits for AES-256 in XTS mode (NIST SP 800-38E).
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 64]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What is known of the data behind the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// The key is new; no file system was finished yet. It may be made, and made again.
    Blank,
    /// A file system was made. Never to be formatted again under this key.
    FileSystem,
}

/// A key and what lies behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// The key.
    pub key: Key,
    /// Whether a file system was made.
    pub contents: Contents,
}

/// What a device should do, given both copies.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Both copies were never written: make a new key.
    None,
    /// A valid key; `rewrite` when one copy is missing, older or damaged.
    Key {
        /// The block to use.
        block: KeyBlock,
        /// Both copies should be written again.
        rewrite: bool,
    },
    /// Everything is to be destroyed: a factory reset was begun.
    Erase,
    /// Neither copy can be read although something is there: the data is not touched.
    Damaged,
}

impl KeyBlock {
    /// One copy as it stands on the disk.
    #[must_use]
    pub fn encode(&self) -> [u8; BLOCK] {
        let state = match self.contents {
            Contents::Blank => 1,
            Contents::FileSystem => 2,
        };
        sealed(state, &self.key)
    }

    /// One copy that says that everything is to be destroyed, and holds no key.
    #[must_use]
    pub fn erase() -> [u8; BLOCK] {
        sealed(ERASE, &Key([0; 64]))
    }

    fn decode(block: &[u8; BLOCK]) -> Option<Self> {
        let contents = match block[8] {
            1 => Contents::Blank,
            2 => Contents::FileSystem,
            _ => return None,
        };
        let checksum = crc32fast::hash(&block[..80]).to_le_bytes();
        let mut key = [0; 64];
        key.copy_from_slice(&block[16..80]);
        (block[..8] == MAGIC && block[80..84] == checksum).then_some(Self { key: Key(key), contents })
    }

    /// Judges both copies. After a power cut between the two writes they may differ in their state: the later
    /// state wins, because a file system that may exist must not be formatted.
    #[must_use]
    pub fn judge(copies: &[[u8; BLOCK]; 2]) -> Found {
        if copies.contains(&Self::erase()) {
            return Found::Erase;
        }
        let [first, second] = copies.each_ref().map(Self::decode);
        match (first, second) {
            (Some(one), Some(two)) if one == two => Found::Key { block: one, rewrite: false },
            (Some(one), Some(two)) if one.key == two.key => {
                Found::Key { block: Self { key: one.key, contents: Contents::FileSystem }, rewrite: true }
            }
            // Two valid copies with different keys: the first is written first, so it is the newer one.
            (Some(block), _) | (None, Some(block)) => Found::Key { block, rewrite: true },
            (None, None) if copies.iter().flatten().all(|byte| *byte == 0) => Found::None,
            (None, None) => Found::Damaged,
        }
    }
}

fn sealed(state: u8, key: &Key) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&MAGIC);
    block[8] = state;
    block[16..80].copy_from_slice(&key.0);
    let checksum = crc32fast::hash(&block[..80]);
    block[80..84].copy_from_slice(&checksum.to_le_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: [u8; BLOCK] = [0; BLOCK];

    fn block(fill: u8, contents: Contents) -> KeyBlock {
        KeyBlock { key: Key([fill; 64]), contents }
    }

    #[test]
    fn copies_are_judged() {
        let blank = block(1, Contents::Blank);
        let made = block(1, Contents::FileSystem);
        let mut damaged = made.encode();
        damaged[20] ^= 1;
        let key = |block: &KeyBlock, rewrite| Found::Key { block: block.clone(), rewrite };
        let rows = [
            ("new disk", [EMPTY, EMPTY], Found::None),
            ("settled", [made.encode(), made.encode()], key(&made, false)),
            ("power cut between the first two writes", [blank.encode(), EMPTY], key(&blank, true)),
            ("power cut while marking", [made.encode(), blank.encode()], key(&made, true)),
            ("one bad block", [damaged, made.encode()], key(&made, true)),
            ("the other bad block", [made.encode(), damaged], key(&made, true)),
            ("both bad", [damaged, damaged], Found::Damaged),
            ("foreign data", [[7; BLOCK], EMPTY], Found::Damaged),
            ("a reset, cut off after its first write", [KeyBlock::erase(), made.encode()], Found::Erase),
            ("a reset that was begun", [KeyBlock::erase(), KeyBlock::erase()], Found::Erase),
            ("a reset with its first new key", [KeyBlock::erase(), blank.encode()], Found::Erase),
            ("a reset, cut off before its second", [[9; BLOCK], blank.encode()], key(&blank, true)),
        ];
        for (name, copies, verdict) in rows {
            assert_eq!(KeyBlock::judge(&copies), verdict, "{name}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", Key([9; 64])), "Key(…)");
    }
}
