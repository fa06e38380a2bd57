//! Prepares the data partition before it is mounted at `/var`: makes its file system once, checks it at every boot.
//! Runs before D-Bus, so it calls e2fsprogs directly.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::{Command, ExitStatus};

use nix::mount::{MsFlags, mount};
use tayberry_core::data::{Step, decide};
use tayberry_format::keyblock::{BLOCK, COPIES, Contents, Found, KeyBlock};

use crate::device::boot;

/// A data partition that cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// What the initramfs says of it cannot be read.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// A file or device.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: String,
        /// The reason.
        error: io::Error,
    },
    /// A program of e2fsprogs failed.
    #[error("{program} ended with {status}; its words are in the journal")]
    Failed {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// The key block changed between the initramfs and now.
    #[error("the key blocks of {0} cannot be read back; nothing was formatted")]
    KeyGone(String),
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> DataError {
    move |error| DataError::Io { what: what.into(), error }
}

/// Does what [`decide`] says.
///
/// # Errors
/// When a file system cannot be made or repaired; nothing that held data is formatted.
pub fn prepare() -> Result<(), DataError> {
    let report = boot::report()?;
    match decide(&report.data) {
        Step::Format { device, partition } => {
            tracing::info!("making the file system of the data partition");
            format(&format!("/dev/{device}"))?;
            mark(partition)
        }
        Step::Check { device } => check(&format!("/dev/{device}")),
        Step::Forgetful { why } => {
            tracing::error!("{why}; /var is kept in memory and forgets everything at the next boot");
            mount(
                Some("tmpfs"),
                "/var",
                Some("tmpfs"),
                MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
                Some("mode=0755,size=25%"),
            )
            .map_err(|errno| failed("mount /var")(errno.into()))
        }
    }
}

/// 1 % reserved blocks: enough for the agent to work when an application fills the disk.
fn format(device: &str) -> Result<(), DataError> {
    let options = ["-q", "-F", "-t", "ext4", "-m", "1", "-L", "data", "-E", "lazy_itable_init=1,nodiscard"];
    let status =
        Command::new("/usr/sbin/mke2fs").args(options).arg(device).status().map_err(failed("mke2fs"))?;
    if status.success() { Ok(()) } else { Err(DataError::Failed { program: "mke2fs", status }) }
}

/// Notes in both key blocks that there is a file system now: from here on it is never formatted again.
fn mark(partition: &str) -> Result<(), DataError> {
    let path = format!("/dev/{partition}");
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed(&path))?;
    let mut copies = [[0; BLOCK]; 2];
    for (copy, offset) in copies.iter_mut().zip(COPIES) {
        file.read_exact_at(copy, offset).map_err(failed(&path))?;
    }
    let Found::Key { block, .. } = KeyBlock::judge(&copies) else { return Err(DataError::KeyGone(path)) };
    let made = KeyBlock { contents: Contents::FileSystem, ..block }.encode();
    for offset in COPIES {
        file.write_all_at(&made, offset).map_err(failed(&path))?;
        file.sync_all().map_err(failed(&path))?;
    }
    Ok(())
}

/// `e2fsck -p` repairs what is safe; 0 and 1 are good ends, 2 asks for a reboot of a mounted system (e2fsck(8)).
/// Then the file system grows to the partition's size, which is a no-op unless the disk is larger than before.
fn check(device: &str) -> Result<(), DataError> {
    let status = Command::new("/usr/sbin/e2fsck").args(["-p", device]).status().map_err(failed("e2fsck"))?;
    if !matches!(status.code(), Some(0..=2)) {
        return Err(DataError::Failed { program: "e2fsck", status });
    }
    Ok(())
}
