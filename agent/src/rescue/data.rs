//! The data partition in rescue: read-only.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use tayberry_format::boot_report::Data;

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
