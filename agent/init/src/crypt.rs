//! Opens the data partition through dm-crypt with the key of its key block.

use std::io;

use tayberry_dm as dm;
use tayberry_format::keyblock::{Key, PAYLOAD};
use tayberry_format::layout::SECTOR;

use crate::block;

/// Opens `partition`; returns the kernel name of the decrypted device.
pub(crate) fn open(partition: &str, key: &Key) -> io::Result<String> {
    let bytes = block::bytes(partition).ok_or_else(|| io::Error::other("its size is unknown"))?;
    let payload = bytes.checked_sub(PAYLOAD).ok_or_else(|| io::Error::other("it is too small"))?;
    let parameters = table(&block::device_number(partition)?, key);
    let line = dm::Line {
        kind: "crypt",
        sectors: payload / SECTOR,
        parameters: &parameters,
        read_only: false,
        secret: true,
    };
    dm::create("tayberry-data", &line)
}

/// AES-256-XTS, sector numbers as initialisation vectors, discards passed on so that `fstrim` works (kernel
/// documentation, admin-guide/device-mapper/dm-crypt.rst). The partition is ours alone: that discards show which
/// blocks are in use is accepted.
fn table(device: &str, key: &Key) -> String {
    let offset = PAYLOAD / SECTOR;
    let key = hex::encode(key.0);
    format!("aes-xts-plain64 {key} 0 {device} {offset} 3 allow_discards no_read_workqueue no_write_workqueue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let key = "01".repeat(64);
        assert_eq!(
            table("259:6", &Key([1; 64])),
            format!(
                "aes-xts-plain64 {key} 0 259:6 2048 3 allow_discards no_read_workqueue no_write_workqueue"
            )
        );
    }
}
