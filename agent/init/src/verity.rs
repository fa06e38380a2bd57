//! Opens the system partition through dm-verity: every block is checked against the root hash when it is read.

use tayberry_format::layout::{HASH_OFFSET, SECTOR};
use tayberry_format::verity::{BLOCK, RootHash};

use crate::slot::Opened;
use crate::{InitError, block, dm};

/// Where the verified device can be found until udev runs.
pub(crate) const DEVICE: &str = "/dev/dm-verity-root";

pub(crate) fn open(opened: &Opened, root: RootHash) -> Result<(), InitError> {
    let failed = || InitError::system(format!("verify {}", opened.partition));
    let device = block::device_number(&opened.partition).map_err(failed())?;
    let parameters = table(&device, opened.header.data_blocks, root);
    let line = dm::Line {
        kind: "verity",
        sectors: opened.header.data_blocks * (BLOCK as u64 / SECTOR),
        parameters: &parameters,
        read_only: true,
        secret: false,
    };
    let name = dm::create("tayberry-root", &line).map_err(failed())?;
    std::os::unix::fs::symlink(block::path(&name), DEVICE).map_err(failed())
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
