//! The data partition in rescue: read-only, and its key destroyed for a factory reset.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use tayberry_format::boot_report::Data;
use tayberry_format::keyblock::{BLOCK, COPIES};
use tayberry_format::layout::DATA_NUMBER;

use crate::device::slots::partition;

/// Where it is mounted, as ever.
pub(super) const VAR: &str = "/var";

/// Mounts it. What a power cut left in its journal is carried out, if the drive takes that.
///
/// # Errors
/// With the reason, a sentence.
pub(super) fn mount_read_only(data: &Data) -> Result<(), String> {
    let device = match data {
        Data::Open { blank: true, .. } => return Err("It was never set up.".to_owned()),
        Data::Open { device, .. } => format!("/dev/{device}"),
        Data::Unavailable { why } => return Err(format!("{why}.")),
    };
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let try_it = |options| mount(Some(device.as_str()), VAR, Some("ext4"), flags, options);
    match try_it(None::<&str>).or_else(|_| try_it(Some("noload"))) {
        // This agent was started again.
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(errno) => Err(format!("Its file system cannot be read: {errno}.")),
    }
}

/// Overwrites both copies of the key: every byte on the partition is noise from here on. The next start makes a new key.
///
/// # Errors
/// When the drive refuses.
pub(super) fn destroy_key(disk: &str) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(partition(disk, DATA_NUMBER))?;
    for offset in COPIES {
        file.write_all_at(&[0; BLOCK], offset)?;
        file.sync_all()?;
    }
    Ok(())
}
