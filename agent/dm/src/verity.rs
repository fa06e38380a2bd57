//! Opens a system partition through dm-verity: every block is checked against the root hash when it is read.

use std::io;

use tayberry_format::layout::{HASH_OFFSET, SECTOR};
use tayberry_format::verity::{BLOCK, Header, RootHash};

use crate::Line;

/// Opens the partition `MAJOR:MINOR` under `name`; returns the kernel's name of the device.
///
/// # Errors
/// When the kernel refuses. A wrong root hash is found at the first read.
pub fn open(name: &str, partition: &str, header: &Header, root: RootHash) -> io::Result<String> {
    let parameters = table(partition, header.data_blocks, root);
    crate::create(
        name,
        &Line {
            kind: "verity",
            sectors: header.data_blocks * (BLOCK as u64 / SECTOR),
            parameters: &parameters,
            read_only: true,
            secret: false,
        },
    )
}

/// Format 1, both devices the same, 4 KiB blocks, SHA-256, no salt (kernel documentation,
/// admin-guide/device-mapper/verity.rst). A damaged block is an I/O error; what that means is for the reader to say.
fn table(device: &str, data_blocks: u64, root: RootHash) -> String {
    let hash_start = HASH_OFFSET / BLOCK as u64 + 1;
    format!("1 {device} {device} {BLOCK} {BLOCK} {data_blocks} {hash_start} sha256 {root} -")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let root = RootHash([0xab; 32]);
        let hex = "ab".repeat(32);
        assert_eq!(table("259:4", 100, root), format!("1 259:4 259:4 4096 4096 100 516097 sha256 {hex} -"));
    }
}
