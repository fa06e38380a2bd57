//! Asks device-mapper under which root hash a verity device was opened: what runs is read from the kernel, not from what anybody says
//! that it did.

use std::io;
use std::os::fd::AsRawFd;

use tayberry_format::verity::RootHash;

use super::{Head, Request, Target, control, ioctl, request};

/// `DM_STATUS_TABLE_FLAG`: the table instead of the status.
const TABLE: u32 = 1 << 4;
/// Place of the target's type in `struct dm_target_spec`.
const KIND: usize = std::mem::offset_of!(Target, target_type);

/// The root hash of the device `MAJOR:MINOR`.
///
/// # Errors
/// When device-mapper does not know it, or it is no verity device.
pub fn root_hash(device: &str) -> io::Result<RootHash> {
    let number =
        device.split_once(':').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let (major, minor) = number.ok_or_else(|| io::Error::other(format!("{device} is no device")))?;
    let mut request = question(major, minor)?;
    // SAFETY: as for `create`: the kernel stays inside the request, whose size it names, and the descriptor is open.
    unsafe { ioctl::table_status(control()?.as_raw_fd(), &raw mut request) }?;
    answer(&request.0).ok_or_else(|| io::Error::other(format!("{device} has no verity table")))
}

fn question(major: u64, minor: u64) -> io::Result<Request> {
    let mut request = request("", TABLE, None)?;
    // The kernel's huge encoding (linux/kdev_t.h).
    let number = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
    let at = std::mem::offset_of!(Head, dev);
    request.0[at..at + 8].copy_from_slice(&number.to_ne_bytes());
    Ok(request)
}

/// The root hash of a table of one line: the ninth word of a verity target's parameters (kernel documentation,
/// admin-guide/device-mapper/verity.rst).
fn answer(bytes: &[u8]) -> Option<RootHash> {
    let at = std::mem::offset_of!(Head, data_start);
    let start = bytes.get(at..at + 4)?.first_chunk().map(|word| u32::from_ne_bytes(*word))?;
    let line = bytes.get(usize::try_from(start).ok()?..)?;
    let text = |bytes: &[u8]| {
        bytes.split(|byte| *byte == 0).next().map(|text| String::from_utf8_lossy(text).into_owned())
    };
    if text(line.get(KIND..size_of::<Target>())?)? != "verity" {
        return None;
    }
    text(line.get(size_of::<Target>()..)?)?.split_ascii_whitespace().nth(8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninth_word_of_a_verity_table_is_the_root_hash() {
        let root = RootHash([0xab; 32]);
        let mut bytes = question(254, 300).unwrap().0;
        let dev = std::mem::offset_of!(Head, dev);
        assert_eq!(
            u64::from_ne_bytes(*bytes[dev..].first_chunk().unwrap()),
            (254 << 8) | (300 & 0xff) | (1 << 20)
        );
        let start = size_of::<Head>();
        let line = format!("1 259:4 259:4 4096 4096 100 516097 sha256 {root} -\0");
        bytes[start + KIND..start + KIND + 6].copy_from_slice(b"verity");
        bytes[start + 40..start + 40 + line.len()].copy_from_slice(line.as_bytes());
        assert_eq!(answer(&bytes), Some(root));
        bytes[start + KIND..start + KIND + 6].copy_from_slice(b"linear");
        assert_eq!(answer(&bytes), None);
        assert_eq!(answer(&bytes[..20]), None);
    }
}
