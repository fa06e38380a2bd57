//! Asks device-mapper under which root hash a verity device was opened: what runs is read from the kernel, not from what the
//! initramfs says that it did.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use tayberry_format::verity::RootHash;

const CONTROL: &str = "/dev/mapper/control";
/// Version of the interface that we speak; the kernel accepts any minor version.
const VERSION: u32 = 4;
/// `DM_STATUS_TABLE_FLAG`: the table instead of the status.
const TABLE: u32 = 1 << 4;
const BUFFER: usize = 4096;
/// Bytes of `struct dm_ioctl` and of `struct dm_target_spec` (linux/dm-ioctl.h), and places in the first.
const HEAD: usize = 312;
const TARGET: usize = 40;
const DATA_SIZE: usize = 12;
const DATA_START: usize = 16;
const FLAGS: usize = 28;
const DEVICE: usize = 40;

/// What the ioctl reads and writes.
#[repr(C, align(8))]
struct Request([u8; BUFFER]);

mod ioctl {
    #![allow(unsafe_code, reason = "nix makes the ioctl wrapper; it is called in one place below")]
    // DM_TABLE_STATUS: _IOWR(0xfd, 12, struct dm_ioctl).
    nix::ioctl_readwrite_bad!(
        table_status,
        nix::request_code_readwrite!(0xfd, 12, super::HEAD),
        super::Request
    );
}

/// The root hash of the device `MAJOR:MINOR`.
///
/// # Errors
/// When device-mapper does not know it, or it is no verity device.
#[allow(unsafe_code, reason = "one ioctl with a pointer to a buffer of known length")]
pub fn root_hash(device: &str) -> io::Result<RootHash> {
    let number =
        device.split_once(':').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let (major, minor) = number.ok_or_else(|| io::Error::other(format!("{device} is no device")))?;
    let mut request = question(major, minor);
    let control = OpenOptions::new().read(true).write(true).open(CONTROL)?;
    // SAFETY: the descriptor is open; data_size in the request is the length of the buffer, inside which the kernel stays.
    unsafe { ioctl::table_status(control.as_raw_fd(), &raw mut request) }?;
    answer(&request.0).ok_or_else(|| io::Error::other(format!("{device} has no verity table")))
}

fn question(major: u64, minor: u64) -> Request {
    let mut request = Request([0; BUFFER]);
    let mut put = |at: usize, bytes: &[u8]| request.0[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &VERSION.to_ne_bytes());
    put(DATA_SIZE, &u32::try_from(BUFFER).unwrap_or(u32::MAX).to_ne_bytes());
    put(DATA_START, &u32::try_from(HEAD).unwrap_or(u32::MAX).to_ne_bytes());
    put(FLAGS, &TABLE.to_ne_bytes());
    // The kernel's huge encoding (linux/kdev_t.h).
    put(DEVICE, &((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)).to_ne_bytes());
    request
}

/// The root hash of a table of one line: the ninth word of a verity target's parameters (kernel documentation,
/// admin-guide/device-mapper/verity.rst).
fn answer(bytes: &[u8]) -> Option<RootHash> {
    let start = bytes.get(DATA_START..DATA_START + 4)?.first_chunk().map(|word| u32::from_ne_bytes(*word))?;
    let line = bytes.get(usize::try_from(start).ok()?..)?;
    let text = |bytes: &[u8]| {
        bytes.split(|byte| *byte == 0).next().map(|text| String::from_utf8_lossy(text).into_owned())
    };
    if text(line.get(TARGET - 16..TARGET)?)? != "verity" {
        return None;
    }
    text(line.get(TARGET..)?)?.split_ascii_whitespace().nth(8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninth_word_of_a_verity_table_is_the_root_hash() {
        let root = RootHash([0xab; 32]);
        let mut bytes = question(254, 300).0;
        assert_eq!(
            u64::from_ne_bytes(*bytes[DEVICE..].first_chunk().unwrap()),
            (254 << 8) | (300 & 0xff) | (1 << 20)
        );
        let line = format!("1 259:4 259:4 4096 4096 100 516097 sha256 {root} -\0");
        bytes[HEAD + TARGET - 16..HEAD + TARGET - 10].copy_from_slice(b"verity");
        bytes[HEAD + TARGET..HEAD + TARGET + line.len()].copy_from_slice(line.as_bytes());
        assert_eq!(answer(&bytes), Some(root));
        bytes[HEAD + TARGET - 16..HEAD + TARGET - 10].copy_from_slice(b"linear");
        assert_eq!(answer(&bytes), None);
        assert_eq!(answer(&bytes[..20]), None);
    }
}
