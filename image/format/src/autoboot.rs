//! `autoboot.txt`: which slot the firmware boots, and which one it tries once (Raspberry Pi documentation,
//! "autoboot.txt"). This writes the one shape that Tayberry uses; judging any other is `tayberry-firmware`'s work.

use crate::slot::Slot;

/// Name of the file in the config partition.
pub const FILE: &str = "autoboot.txt";

/// Length of the file in bytes: one sector ([`crate::layout::SECTOR`]), and the most that the firmware reads.
pub const BYTES: usize = 512;

/// The file for a default slot: exactly one sector, so that changing the default slot is one sector's write.
/// Padded with empty lines: the firmware reads up to 512 bytes, and long lines are cut.
#[must_use]
pub fn sector(default: Slot) -> [u8; BYTES] {
    let text = format!(
        "[all]\ntryboot_a_b=1\nboot_partition={}\n[tryboot]\nboot_partition={}\n",
        default.boot_partition(),
        default.other().boot_partition()
    );
    let mut sector = [b'\n'; BYTES];
    sector[..text.len()].copy_from_slice(text.as_bytes());
    sector
}

/// The default slot that `contents` name, if it is a file that [`sector`] writes.
#[must_use]
pub fn default_slot(contents: &[u8]) -> Option<Slot> {
    Slot::ALL.into_iter().find(|slot| contents == sector(*slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let text = String::from_utf8(sector(Slot::A).to_vec()).unwrap();
        assert_eq!(text.trim_end(), include_str!("../fixtures/autoboot-a.txt").trim_end());
        assert_eq!(text.len(), 512);
    }

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for slot in Slot::ALL {
            assert_eq!(default_slot(&sector(slot)), Some(slot));
        }
        assert_eq!(default_slot(&[b' '; 512]), None);
        assert_eq!(default_slot(b""), None);
    }
}
