//! Looks at slots: opens them, asks whether one would boot, and whether it is whole.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use tayberry_firmware::ResetState;
use tayberry_format::cmdline;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::device::boot::{self, BootError};
use crate::update::{direct, install, scan};

/// A partition's device: `nvme0n1p4`, `mmcblk0p4`, `sda4`.
#[must_use]
pub fn partition(disk: &str, number: u32) -> PathBuf {
    let between = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("/dev/{disk}{between}{number}"))
}

/// `MAJOR:MINOR` of a disk, partition or device-mapper device, by the kernel's name.
///
/// # Errors
/// When there is none.
pub fn device_number(name: &str) -> io::Result<String> {
    Ok(std::fs::read_to_string(format!("/sys/class/block/{name}/dev"))?.trim().to_owned())
}

/// Opens both partitions of a slot for direct I/O.
///
/// # Errors
/// When one cannot be opened.
pub fn open(disk: &str, slot: Slot) -> io::Result<scan::Slot> {
    let open = |number| direct::open(&partition(disk, number));
    Ok(scan::Slot { boot: open(slot.boot_partition())?, system: open(slot.system_partition())? })
}

/// Why the firmware would not start a slot with a system; a sentence. `try_once` asks for the boot after that flag was set.
///
/// # Errors
/// With that sentence.
pub fn would_boot(disk: &str, slot: Slot, root_hash: RootHash, try_once: bool) -> Result<(), String> {
    match asked(disk, slot, &ResetState { try_once, ..ResetState::default() })? {
        hash if hash == root_hash => Ok(()),
        hash => Err(format!("slot {slot} would start the system with root hash {hash}")),
    }
}

/// The root hash with which a slot would start by itself.
///
/// # Errors
/// With a sentence why it would not.
pub fn starts(disk: &str, slot: Slot) -> Result<RootHash, String> {
    asked(disk, slot, &ResetState { partition: slot.boot_partition(), ..ResetState::default() })
}

/// The root hash of a slot that would start by itself and is whole: every block of its system partition is read.
///
/// # Errors
/// With the first thing that is wrong, a sentence.
pub fn verify(disk: &str, slot: Slot, progress: &mut dyn FnMut(u64)) -> Result<RootHash, String> {
    let root_hash = starts(disk, slot)?;
    let system =
        direct::open(&partition(disk, slot.system_partition())).map_err(|error| error.to_string())?;
    install::verify(&system, root_hash, progress).map_err(|error| error.to_string())?;
    Ok(root_hash)
}

/// Names of the processes whose program lies on a device-mapper device, such as `dm-2`; sorted, each once.
#[must_use]
pub fn users(device: &str) -> Vec<String> {
    let number = device_number(device).unwrap_or_default();
    let number = number
        .split_once(':')
        .and_then(|(major, minor)| Some(nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?)));
    let Some(number) = number else { return Vec::new() };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let uses = |path: &PathBuf| std::fs::metadata(path.join("exe")).is_ok_and(|exe| exe.dev() == number);
    let names = processes.filter(uses).filter_map(|path| std::fs::read_to_string(path.join("comm")).ok());
    let mut names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The root hash with which the firmware would start `slot`.
fn asked(disk: &str, slot: Slot, reset: &ResetState) -> Result<RootHash, String> {
    let found = boot::simulate(disk, reset).map_err(|error: BootError| error.to_string())?;
    let found = found.map_err(|error| error.to_string())?;
    let seen = found.slot().map_or_else(|| "no slot".to_owned(), |slot| format!("slot {slot}"));
    if found.slot() != Some(slot) {
        return Err(format!("the firmware would start {seen} instead of slot {slot}"));
    }
    if let [missing, ..] = &found.missing[..] {
        return Err(format!("{missing} is missing"));
    }
    cmdline::root_hash(&found.cmdline).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        for (disk, path) in
            [("nvme0n1", "/dev/nvme0n1p4"), ("mmcblk0", "/dev/mmcblk0p4"), ("sda", "/dev/sda4")]
        {
            assert_eq!(partition(disk, 4), PathBuf::from(path));
        }
    }
}
