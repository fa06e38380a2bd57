//! Looks at the block devices of the workstation: what they are, and who uses them. Judging them is `decide`'s work.
//!
//! Sources: sysfs (`Documentation/ABI/stable/sysfs-block` of Linux), `proc_pid_mountinfo(5)`, `proc_swaps(5)`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where the kernel tells of devices. A value, so that tests can have their own.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/sys/block`.
    pub block: PathBuf,
    /// `/proc/self/mountinfo`.
    pub mounts: PathBuf,
    /// `/proc/swaps`.
    pub swaps: PathBuf,
}

impl Places {
    /// Below this folder, which is `/` outside tests.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            block: root.join("sys/block"),
            mounts: root.join("proc/self/mountinfo"),
            swaps: root.join("proc/swaps"),
        }
    }
}

/// What sort of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hardware, real or of a virtual machine.
    Drive,
    /// A CD or DVD drive.
    Optical,
    /// A file behind a loop device.
    Loop,
    /// Made of other devices or of memory.
    Virtual,
}

/// A way in which a device, one of its partitions, or a device built upon them is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Name of the disk, partition or upper device.
    pub device: String,
    /// How it is used.
    pub how: How,
}

/// How a device is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// Mounted in this folder.
    Mounted(String),
    /// Swap space.
    Swap,
    /// Another device is built upon it: LVM, encryption, RAID.
    HeldBy(String),
}

/// A whole disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Kernel name, such as `sda`.
    pub name: String,
    /// Device number, `MAJOR:MINOR`.
    pub number: String,
    /// What it is.
    pub kind: Kind,
    /// The model that it reports.
    pub model: Option<String>,
    /// Size in bytes; 0 without a medium.
    pub bytes: u64,
    /// Logical sector size in bytes.
    pub sector: u64,
    /// Whether it refuses writes.
    pub read_only: bool,
    /// Partitions by device number.
    pub partitions: BTreeMap<String, String>,
    /// Who uses it.
    pub uses: Vec<Use>,
}

impl Device {
    /// What a person types to confirm: the model, or the name where the device reports none.
    #[must_use]
    pub fn confirmation(&self) -> &str {
        self.model.as_deref().unwrap_or(&self.name)
    }
}

/// Looks at every block device, sorted by name.
///
/// # Errors
/// When the kernel's files cannot be read; a single device that vanishes meanwhile is left out.
pub fn look(places: &Places) -> io::Result<Vec<Device>> {
    let users = Users {
        block: &places.block,
        mounts: mounts(&std::fs::read_to_string(&places.mounts)?),
        swaps: swaps(&std::fs::read_to_string(&places.swaps).unwrap_or_default()),
    };
    let mut names: Vec<String> = std::fs::read_dir(&places.block)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names.into_iter().filter_map(|name| device(&places.block, name, &users)).collect())
}

/// A one-line file of sysfs.
fn line(path: &Path) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn device(block: &Path, name: String, users: &Users<'_>) -> Option<Device> {
    let folder = block.join(&name);
    let number = line(&folder.join("dev"))?;
    let is_loop = folder.join("loop").exists();
    let kind = match line(&folder.join("device/type")).as_deref() {
        // SCSI peripheral type 5 (SPC-4, table 138).
        Some("5") => Kind::Optical,
        _ if folder.join("device").exists() => Kind::Drive,
        _ if is_loop => Kind::Loop,
        _ => Kind::Virtual,
    };
    // SCSI, ATA and NVMe report a model, SD and eMMC a name.
    let model = ["device/model", "device/name"].iter().find_map(|file| line(&folder.join(file)));
    // Always in units of 512 bytes, whatever the sector size.
    let bytes = line(&folder.join("size"))?.parse::<u64>().ok()?.saturating_mul(512);
    let mut device = Device {
        kind,
        model: model.filter(|model| !model.is_empty()),
        bytes,
        sector: line(&folder.join("queue/logical_block_size"))?.parse().ok()?,
        read_only: line(&folder.join("ro")).as_deref() != Some("0"),
        partitions: BTreeMap::new(),
        uses: Vec::new(),
        number,
        name,
    };
    users.of(&device.name, &device.number, &folder, 0, &mut device.uses);
    let mut parts: Vec<PathBuf> =
        std::fs::read_dir(&folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    parts.sort();
    for part in parts.iter().filter(|part| part.join("partition").exists()) {
        let part_name = part.file_name()?.to_string_lossy().into_owned();
        let number = line(&part.join("dev"))?;
        users.of(&part_name, &number, part, 0, &mut device.uses);
        device.partitions.insert(number, part_name);
    }
    Some(device)
}

/// A line of mountinfo.
struct Mount {
    number: String,
    source: String,
    at: String,
}

fn mounts(text: &str) -> Vec<Mount> {
    let one = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let mut head = head.split(' ');
        let number = head.nth(2)?.to_owned();
        let at = head.nth(1)?;
        Some(Mount { number, at: unescape(at), source: unescape(tail.split(' ').nth(1)?) })
    };
    text.lines().filter_map(one).collect()
}

/// The first column without its heading.
fn swaps(text: &str) -> Vec<String> {
    text.lines().skip(1).filter_map(|line| Some(unescape(line.split_whitespace().next()?))).collect()
}

/// The kernel writes blanks and backslashes in octal: `\040`.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// Who uses what.
struct Users<'a> {
    block: &'a Path,
    mounts: Vec<Mount>,
    swaps: Vec<String>,
}

impl Users<'_> {
    /// Most devices upon devices that are followed: disk, RAID, encryption, LVM, and as many again.
    const DEEPEST: u32 = 8;

    /// Adds the uses of a device and of everything built upon it. `folder` is its place in sysfs.
    fn of(&self, name: &str, number: &str, folder: &Path, depth: u32, uses: &mut Vec<Use>) {
        let mut add = |how| uses.push(Use { device: name.to_owned(), how });
        let mapped = line(&folder.join("dm/name")).map(|mapped| format!("/dev/mapper/{mapped}"));
        let is_it = |path: &str| path == format!("/dev/{name}") || mapped.as_deref() == Some(path);
        // Btrfs has numbers of its own: there only the source tells.
        for mount in self.mounts.iter().filter(|mount| mount.number == number || is_it(&mount.source)) {
            add(How::Mounted(mount.at.clone()));
        }
        for _ in self.swaps.iter().filter(|path| is_it(path)) {
            add(How::Swap);
        }
        let holders = std::fs::read_dir(folder.join("holders")).into_iter().flatten();
        let mut holders: Vec<String> =
            holders.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        holders.sort();
        for holder in &holders {
            add(How::HeldBy(holder.clone()));
        }
        for holder in holders.iter().filter(|_| depth < Self::DEEPEST) {
            let folder = self.block.join(holder);
            if let Some(number) = line(&folder.join("dev")) {
                self.of(holder, &number, &folder, depth + 1, uses);
            }
        }
    }
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
