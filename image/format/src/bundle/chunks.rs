//! Content-defined chunks: where a stream of bytes is cut depends on the bytes around the cut alone, so that what did not
//! change between two versions is cut into the same chunks, wherever it lies. FastCDC (Xia et al., 2020), by the crate
//! `fastcdc`. The builder cuts what it publishes, and the device cuts what it holds: both must cut alike for ever, which is
//! why the sizes and the algorithm's year are part of the format.

use std::fmt;
use std::io::Read;

use fastcdc::v2020::StreamCDC;
use sha2::{Digest, Sha256};

/// Shortest chunk but the last of a region, in bytes.
pub const SHORTEST: usize = 4 << 10;
/// What most chunks are near to, in bytes.
const USUAL: usize = 16 << 10;
/// Longest chunk in bytes.
pub const LONGEST: usize = 64 << 10;

/// SHA-256 of a chunk's bytes, uncompressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub [u8; 32]);

impl ChunkId {
    /// The id of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins in the stream, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reading failed.
#[derive(Debug, thiserror::Error)]
#[error("what is to be cut into chunks cannot be read: {0}")]
pub struct ChunksError(#[from] fastcdc::v2020::Error);

/// Cuts `source`, one chunk at a time; memory stays below a few times [`LONGEST`].
pub fn cut<R: Read>(source: R) -> impl Iterator<Item = Result<Chunk, ChunksError>> {
    StreamCDC::new(source, SHORTEST, USUAL, LONGEST).map(|found| {
        found.map(|chunk| Chunk { offset: chunk.offset, bytes: chunk.data }).map_err(ChunksError::from)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that look random, always the same.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn chunks(bytes: &[u8]) -> Vec<Chunk> {
        cut(bytes).map(Result::unwrap).collect()
    }

    /// Should this ever fail, devices in the field would find nothing of what they hold.
    #[test]
    fn the_cuts_never_change() {
        let offsets: Vec<u64> = chunks(&noise(300_000)).iter().map(|chunk| chunk.offset).collect();
        assert_eq!(offsets, include!("../../fixtures/chunk-offsets.in"));
    }

    #[test]
    fn a_change_stays_where_it_is() {
        let old = noise(2 << 20);
        let mut new = old.clone();
        new.splice(700_000..700_010, [0; 25]);
        let held: HashSet<ChunkId> = chunks(&old).iter().map(|chunk| ChunkId::of(&chunk.bytes)).collect();
        let new = chunks(&new);
        let fresh = new.iter().filter(|chunk| !held.contains(&ChunkId::of(&chunk.bytes)));
        let bytes: usize = fresh.map(|chunk| chunk.bytes.len()).sum();
        assert!(bytes <= 3 * LONGEST, "{bytes}");
    }

    proptest! {
        #[test]
        fn together_they_are_the_stream(seed in 0_usize..1000, length in 0_usize..400_000) {
            let bytes = noise(length + seed).split_off(seed);
            let all = chunks(&bytes);
            let joined: Vec<u8> = all.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
            prop_assert_eq!(&joined, &bytes);
            prop_assert!(all.iter().all(|chunk| chunk.bytes.len() <= LONGEST));
            prop_assert!(all.iter().rev().skip(1).all(|chunk| chunk.bytes.len() >= SHORTEST));
        }
    }
}
