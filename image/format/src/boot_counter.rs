//! Counts starts that did not end well, in a block of the config partition that outlasts a power cut. `tayberry-init` counts, the
//! agent clears once the system works; after [`MOST`] of them the slots are looked at, and a damaged one is left for a whole one.
//! Where both are damaged the board is reset until the firmware's own counter leads to rescue.

use crate::slot::Slot;

/// Bytes of the block: what a drive writes whole or not at all.
pub const BYTES: usize = 512;
/// Starts that may end badly before the slots are looked at.
pub const MOST: u32 = 3;
/// Resets after which the firmware must have gone to rescue: it does so at its third warm reset (`[boot_count>2]`), and counts
/// from the last time the power came on.
const RESETS: u32 = 3;
const MAGIC: [u8; 8] = *b"tbboot\0\x01";

/// The counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    /// Starts since the last that ended well.
    pub starts: u32,
    /// The slot that was left because it was damaged; nobody was told yet.
    pub left: Option<Slot>,
    /// Rescue found the default slot whole and let it try once more; the next time it asks a person.
    pub retried: bool,
    /// The next start hangs in the initramfs, once: a test of the watchdog.
    pub hang: bool,
}

impl Counter {
    /// The block as it is written.
    #[must_use]
    pub fn encode(self) -> [u8; BYTES] {
        let mut block = [0; BYTES];
        block[..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&self.starts.to_le_bytes());
        block[12] = match self.left {
            None => 0,
            Some(Slot::A) => 1,
            Some(Slot::B) => 2,
        };
        block[13] = u8::from(self.retried);
        block[14] = u8::from(self.hang);
        let checksum = crc32fast::hash(&block[..16]);
        block[16..20].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads a block. Zeros are a counter that nobody has used; anything else that is none gives none, and must not be
    /// overwritten.
    #[must_use]
    pub fn decode(block: &[u8; BYTES]) -> Option<Self> {
        if block.iter().all(|byte| *byte == 0) {
            return Some(Self::default());
        }
        let checksum = crc32fast::hash(&block[..16]).to_le_bytes();
        let left = match block[12] {
            0 => None,
            1 => Some(Slot::A),
            2 => Some(Slot::B),
            _ => return None,
        };
        let flag = |byte: u8| match byte {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
        let (retried, hang) = (flag(block[13])?, flag(block[14])?);
        let mut starts = [0; 4];
        starts.copy_from_slice(&block[8..12]);
        (block[..8] == MAGIC && block[16..20] == checksum).then_some(Self {
            starts: u32::from_le_bytes(starts),
            left,
            retried,
            hang,
        })
    }

    /// One start more.
    #[must_use]
    pub const fn another(self) -> Self {
        Self { starts: self.starts.saturating_add(1), ..self }
    }
}

/// What is done about a slot that was started too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start it.
    Start,
    /// It is whole: start it, and count from the beginning.
    StartAnew,
    /// It is damaged, and so is the other: reset the board, which leads to rescue.
    Reset,
    /// The same, and the firmware does not go to rescue: start it all the same.
    StartDamaged,
    /// It is damaged, and the other is whole: make that one the default, and restart.
    Leave,
}

/// Decides. The slots are read only where it matters.
pub fn decide(counter: Counter, own: impl FnOnce() -> bool, other: impl FnOnce() -> bool) -> Verdict {
    if counter.starts <= MOST {
        Verdict::Start
    } else if own() {
        Verdict::StartAnew
    } else if other() {
        Verdict::Leave
    } else if counter.starts <= MOST + RESETS {
        Verdict::Reset
    } else {
        Verdict::StartDamaged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_read_as_written() {
        for counter in [
            Counter::default(),
            Counter { starts: 3, left: Some(Slot::B), retried: false, hang: true },
            Counter { starts: u32::MAX, left: Some(Slot::A), retried: true, hang: false },
        ] {
            assert_eq!(Counter::decode(&counter.encode()), Some(counter));
        }
        assert_eq!(Counter::decode(&[0; BYTES]), Some(Counter::default()));
        assert_eq!(Counter::decode(&[b'\n'; BYTES]), None);
        assert_eq!(Counter { starts: u32::MAX, ..Counter::default() }.another().starts, u32::MAX);
    }

    #[test]
    fn slots_are_read_only_after_three_bad_starts() {
        let counter = |starts| Counter { starts, ..Counter::default() };
        for starts in 1..=MOST {
            assert_eq!(decide(counter(starts), || panic!("read"), || panic!("read")), Verdict::Start);
        }
        let often = counter(MOST + 1);
        assert_eq!(decide(often, || true, || panic!("read")), Verdict::StartAnew);
        assert_eq!(decide(often, || false, || true), Verdict::Leave);
        assert_eq!(decide(often, || false, || false), Verdict::Reset);
        assert_eq!(decide(counter(MOST + RESETS), || false, || false), Verdict::Reset);
        assert_eq!(decide(counter(MOST + RESETS + 1), || false, || false), Verdict::StartDamaged);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(at in 0_usize..20, bit in 0_u8..8) {
            let mut block = Counter { starts: 2, left: Some(Slot::A), retried: true, hang: false }.encode();
            block[at] ^= 1 << bit;
            prop_assert_eq!(Counter::decode(&block), None);
        }
    }
}
