//! Puts the system of a slot where systemd goes at a soft reboot (systemd-soft-reboot.service(8)): verified, with the data partition inside;
//! and marks the stack's processes, so that they go on meanwhile. When that is done, and what follows, is decided elsewhere.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tayberry_format::layout;
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, Header};

use crate::device::slots;

/// Where systemd looks for the next root.
const ROOT: &str = "/run/nextroot";
/// What the initramfs laid over `/etc/machine-id`.
const MACHINE_ID: &str = "/run/machine-id";
/// Control group of the stack's services.
const SERVICES: &str = "/sys/fs/cgroup/services.slice";
/// What systemd's last signals spare: asked of the control group that a process is in, and set by systemd on those of units alone
/// (systemd.unit(5), `SurviveFinalKillSignal=`), below which a container runtime has its own.
const SPARED: &str = "user.survive_final_kill_signal";

/// A next root that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NextRootError {
    /// The slot would not start, or holds no system.
    #[error("slot {0}: {1}")]
    Slot(Slot, String),
    /// A file, device or mount.
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

fn at(what: impl Into<String>) -> impl FnOnce(io::Error) -> NextRootError {
    move |error| NextRootError::Io(what.into(), error)
}

/// Puts the system of `slot` there. Whatever was there before goes.
///
/// # Errors
/// When the slot holds no system that would start, or the kernel refuses.
pub fn prepare(disk: &str, slot: Slot) -> Result<(), NextRootError> {
    clear();
    let device = opened(disk, slot).map_or_else(|| open(disk, slot), Ok)?;
    fs::create_dir_all(ROOT).map_err(at(ROOT))?;
    let device = format!("/dev/{device}");
    mounted(&device, Path::new(ROOT), Some("erofs"), MsFlags::MS_RDONLY | MsFlags::MS_NODEV)?;
    mounted("/var", &Path::new(ROOT).join("var"), None, MsFlags::MS_BIND)?;
    if Path::new(MACHINE_ID).exists() {
        mounted(MACHINE_ID, &Path::new(ROOT).join("etc/machine-id"), None, MsFlags::MS_BIND)?;
    }
    spare(Path::new(SERVICES)).map_err(at(SERVICES))
}

/// Takes away what [`prepare`] put there: a reboot is one again.
pub fn clear() {
    while umount2(ROOT, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).is_ok() {}
    fs::remove_dir(ROOT).unwrap_or_default();
}

/// Whether something lies there.
#[must_use]
pub fn is_there() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // The fifth word is where it is mounted (proc_pid_mountinfo(5)).
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(ROOT))
}

/// The device under which the kernel verifies a slot's system partition, if it does.
#[must_use]
pub fn opened(disk: &str, slot: Slot) -> Option<String> {
    let partition = slots::partition(disk, slot.system_partition());
    let holders = PathBuf::from("/sys/class/block").join(partition.file_name()?).join("holders");
    let entry = fs::read_dir(holders).ok()?.flatten().next()?;
    Some(entry.file_name().to_string_lossy().into_owned())
}

/// Gives a slot free that nothing uses any more: false while something does.
///
/// # Errors
/// When the kernel refuses for another reason.
pub fn release(slot: Slot) -> io::Result<bool> {
    match tayberry_dm::remove(slot.verity_device()) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => Ok(true),
        Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => Ok(false),
        Err(error) => Err(error),
    }
}

fn open(disk: &str, slot: Slot) -> Result<String, NextRootError> {
    let root_hash = slots::starts(disk, slot).map_err(|why| NextRootError::Slot(slot, why))?;
    let partition = slots::partition(disk, slot.system_partition());
    let words = partition.display().to_string();
    let mut first = [0; BLOCK];
    let system = fs::File::open(&partition).map_err(at(&words))?;
    system.read_exact_at(&mut first, layout::HASH_OFFSET).map_err(at(&words))?;
    let header = Header::decode(&first).map_err(|error| NextRootError::Slot(slot, error.to_string()))?;
    let name = partition.file_name().unwrap_or_default().to_string_lossy();
    let number = slots::device_number(&name).map_err(at(&words))?;
    tayberry_dm::verity::open(slot.verity_device(), &number, &header, root_hash).map_err(at(words))
}

fn mounted(from: &str, to: &Path, kind: Option<&str>, flags: MsFlags) -> Result<(), NextRootError> {
    mount(Some(from), to, kind, flags, None::<&str>)
        .map_err(|errno| NextRootError::Io(format!("mount {}", to.display()), errno.into()))
}

/// Spares the processes of this control group and all below it, as far as there are any: a device may have no stack, and one may end
/// meanwhile.
fn spare(group: &Path) -> io::Result<()> {
    match spare_those_there(group) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn spare_those_there(group: &Path) -> io::Result<()> {
    xattr::set(group, SPARED, b"1")?;
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            spare(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_a_stack_has_nobody_to_spare() {
        let folder = tempfile::tempdir().unwrap();
        spare(&folder.path().join("services.slice")).unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(spare(&file.join("below")).is_err(), "anything else is told");
    }
}
