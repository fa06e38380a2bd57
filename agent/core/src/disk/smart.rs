//! What an NVMe drive and an eMMC say of their lives.

use super::{Critical, Wear};

/// Bytes of the page (NVM Express base specification, "SMART / Health Information", log identifier 02h).
pub const PAGE: usize = 512;
/// A data unit is a thousand blocks of 512 bytes.
const UNIT: u64 = 512_000;
/// Hours of a year.
const YEAR: f64 = 8766.0;

/// The page of an NVMe drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smart<'a>(pub &'a [u8; PAGE]);

impl Smart<'_> {
    /// What it says.
    #[must_use]
    pub fn wear(&self) -> Wear {
        let page = self.0;
        let hours = self.number(128);
        Wear {
            used_percent: page[5],
            spare_percent: Some(page[3]),
            critical: Critical {
                // A drive that sets no bit is believed less than its own numbers.
                spare: page[0] & 1 != 0 || page[3] < page[4],
                temperature: page[0] & 2 != 0,
                reliability: page[0] & 4 != 0,
                read_only: page[0] & 8 != 0,
            },
            media_errors: Some(self.number(160)),
            unsafe_shutdowns: Some(self.number(144)),
            power_on_hours: Some(hours),
            written_bytes_ever: Some(self.number(48).saturating_mul(UNIT)),
            years_left: years_left(page[5], hours),
        }
    }

    /// A number of 16 bytes; no drive comes near 8.
    fn number(&self, at: usize) -> u64 {
        let low = self.0.get(at..at + 8).and_then(|bytes| bytes.first_chunk());
        let high = self.0.get(at + 8..at + 16).and_then(|bytes| bytes.first_chunk());
        match (low, high) {
            (Some(low), Some(high)) if u64::from_le_bytes(*high) == 0 => u64::from_le_bytes(*low),
            _ => u64::MAX,
        }
    }
}

impl Wear {
    /// Of the kernel's files `life_time` (two estimates) and `pre_eol_info` of an eMMC (JESD84-B51: 01h is up to 10 % used, 0Bh more than
    /// all; before the end of life 02h is 80 % of the spare blocks used, 03h is urgent).
    #[must_use]
    pub fn of_emmc(life_time: &str, pre_eol: &str) -> Option<Self> {
        let read = |text: &str| u8::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
        let worst = life_time.split_ascii_whitespace().filter_map(read).max().filter(|worst| *worst > 0)?;
        let state = read(pre_eol).unwrap_or(0);
        let critical = Critical { spare: state >= 2, reliability: state >= 3, ..Critical::default() };
        Some(Self { used_percent: worst.min(11) * 10, critical, ..Self::default() })
    }
}

/// How long it lives on when it is used up as fast as so far. A year of use tells more than a day: nothing is said before 1 % is used.
fn years_left(used_percent: u8, hours: u64) -> Option<f64> {
    if used_percent == 0 || hours == 0 {
        return None;
    }
    let left = f64::from(100_u8.saturating_sub(used_percent)) / f64::from(used_percent);
    #[allow(clippy::cast_precision_loss, reason = "hours of a life")]
    let years = left * hours as f64 / YEAR;
    Some((years * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A page with these bytes set.
    pub(crate) fn page(bytes: &[(usize, &[u8])]) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        for (at, values) in bytes {
            page[*at..*at + values.len()].copy_from_slice(values);
        }
        page
    }

    #[test]
    fn a_page_is_read() {
        let page = page(&[
            (0, &[0b1001, 60, 1, 4, 5, 20]),
            (48, &[10]),
            (128, &17_532_u64.to_le_bytes()),
            (144, &[7]),
            (160, &[2]),
        ]);
        let wear = Smart(&page).wear();
        assert_eq!((wear.used_percent, wear.spare_percent), (20, Some(4)));
        assert!(wear.critical.spare && wear.critical.read_only && !wear.critical.reliability);
        assert_eq!(wear.written_bytes_ever, Some(5_120_000));
        assert_eq!((wear.unsafe_shutdowns, wear.media_errors), (Some(7), Some(2)));
        assert_eq!(wear.years_left, Some(8.0));
        assert_eq!(Smart(&[0; PAGE]).wear().years_left, None);
    }

    #[test]
    fn an_emmc_is_read() {
        let wear = Wear::of_emmc("0x02 0x05\n", "0x01\n").unwrap();
        assert_eq!((wear.used_percent, wear.critical), (50, Critical::default()));
        assert!(Wear::of_emmc("0x0b 0x01", "0x03").unwrap().critical.reliability);
        assert_eq!(Wear::of_emmc("0x00 0x00", "0x00"), None);
        assert_eq!(Wear::of_emmc("nonsense", ""), None);
    }

    proptest! {
        #[test]
        fn any_page_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), PAGE)) {
            let page: [u8; PAGE] = bytes.try_into().unwrap();
            let wear = Smart(&page).wear();
            prop_assert_eq!(wear.used_percent, page[5]);
        }
    }
}
