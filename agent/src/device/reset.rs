//! The begin of a factory reset: the data partition says that everything on it is to be destroyed. `tayberry-init` does it at the next
//! start, and goes on with it after a power cut.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;

use tayberry_format::keyblock::{COPIES, KeyBlock};
use tayberry_format::layout::DATA_NUMBER;

use crate::device::slots::partition;

/// Overwrites both copies of the key: from the first on there is no way back, and from the second on every byte is noise.
///
/// # Errors
/// When the drive refuses.
pub async fn begin(disk: &str) -> io::Result<()> {
    tracing::warn!("factory reset: the key of the data partition is overwritten");
    let path = partition(disk, DATA_NUMBER);
    tokio::task::spawn_blocking(move || {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        for offset in COPIES {
            file.write_all_at(&KeyBlock::erase(), offset)?;
            file.sync_all()?;
        }
        Ok(())
    })
    .await?
}
