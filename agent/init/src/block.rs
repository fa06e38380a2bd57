//! Disks and partitions as the kernel shows them in sysfs.

use std::path::Path;

const SYS: &str = "/sys/class/block";

/// Kernel names of the whole disks, sorted.
pub(crate) fn disks() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(SYS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !Path::new(SYS).join(name).join("partition").exists() && !name.starts_with("dm-"))
        .collect();
    names.sort();
    names
}

/// Kernel name of a partition: a `p` stands between when the disk's name ends in a digit
/// (kernel, block/partitions/core.c).
pub(crate) fn partition(disk: &str, number: u32) -> String {
    let separator = if disk.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{separator}{number}")
}

/// A number from sysfs.
fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Size of a disk or partition in bytes; sysfs counts sectors of 512 bytes whatever the hardware does.
pub(crate) fn bytes(name: &str) -> Option<u64> {
    Some(number(&Path::new(SYS).join(name).join("size"))? * 512)
}

/// Logical sector size of a disk in bytes.
pub(crate) fn sector(disk: &str) -> Option<u64> {
    number(&Path::new(SYS).join(disk).join("queue/logical_block_size"))
}

/// Name of a partition in the partition table (kernel, block/partitions/core.c: `PARTNAME`).
pub(crate) fn label(partition: &str) -> Option<String> {
    let events = std::fs::read_to_string(Path::new(SYS).join(partition).join("uevent")).ok()?;
    events.lines().find_map(|line| line.strip_prefix("PARTNAME=")).map(str::to_owned)
}

/// `MAJOR:MINOR` of a disk or partition, as device-mapper tables want it.
pub(crate) fn device_number(name: &str) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(Path::new(SYS).join(name).join("dev"))?.trim().to_owned())
}

/// Path of its device file.
pub(crate) fn path(name: &str) -> String {
    format!("/dev/{name}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn partitions_are_named_as_the_kernel_does() {
        assert_eq!(super::partition("nvme0n1", 4), "nvme0n1p4");
        assert_eq!(super::partition("sda", 4), "sda4");
    }
}
