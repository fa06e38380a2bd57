//! Drives, as the kernel lists them (Linux, ABI/stable/sysfs-block) and as they speak of themselves. Nothing is written to any.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tayberry_core::disk::{self, Drive, Kind, Link, Smart, Wear};

use super::nvme;

/// The kernel counts in these, whatever the drive does.
const SECTOR: u64 = 512;
/// What is written in less time says little about a day: images are loaded in the first hour.
const LONG_ENOUGH: Duration = Duration::from_secs(86_400);
/// Seconds of a day.
const DAY: u128 = 86_400;
/// Names of what is no drive: loops, memory, layers over drives.
const NO_DRIVES: [&str; 6] = ["loop", "ram", "zram", "dm-", "md", "sr"];

/// Where the kernel shows them.
pub struct Roots {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { sys: "/sys".into(), dev: "/dev".into() }
    }
}

/// All of them, the one with the system first: `system` is its path below `/dev`. What does not answer is left out.
#[must_use]
pub fn look(roots: &Roots, system: &str, uptime: Duration) -> Vec<Drive> {
    let block = roots.sys.join("block");
    let names = fs::read_dir(&block).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let is_drive =
        |name: &String| !NO_DRIVES.iter().any(|other| name.starts_with(other)) && !name.contains("boot");
    let mut drives: Vec<Drive> =
        names.filter(is_drive).filter_map(|name| one(roots, &block, name, system, uptime)).collect();
    drives.sort_by(|one, other| (!one.system, &one.name).cmp(&(!other.system, &other.name)));
    drives
}

fn one(roots: &Roots, block: &Path, name: String, system: &str, uptime: Duration) -> Option<Drive> {
    let folder = block.join(&name);
    let bytes = text(&folder.join("size"))?.parse::<u64>().ok()?.saturating_mul(SECTOR);
    if bytes == 0 {
        // A reader without a card.
        return None;
    }
    // Fields 3 and 7 are sectors read and written (Linux, block/stat.rst).
    let stat: Vec<u64> = text(&folder.join("stat"))?
        .split_ascii_whitespace()
        .map(|number| number.parse().unwrap_or(0))
        .collect();
    let counted = |index: usize| stat.get(index).copied().unwrap_or(0).saturating_mul(SECTOR);
    let device = folder.join("device");
    let system = Path::new(system).file_name().is_some_and(|other| other == name.as_str());
    let kind = kind(&folder, &name, &device);
    let model = ["model", "name"].iter().find_map(|file| text(&device.join(file)));
    let written = counted(6);
    let mut drive = Drive {
        kind,
        model: model.unwrap_or_default(),
        bytes,
        system,
        read_bytes: counted(2),
        written_bytes: written,
        written_bytes_a_day: a_day(written, uptime),
        file_system_errors: if system { file_system_errors(&roots.sys) } else { 0 },
        wear: wear(roots, kind, &name, &device),
        link: link(&device.join("device")),
        warnings: Vec::new(),
        name,
    };
    drive.warnings = disk::warnings(&drive);
    Some(drive)
}

fn a_day(written: u64, uptime: Duration) -> Option<u64> {
    let seconds = u128::from(uptime.as_secs());
    (uptime >= LONG_ENOUGH).then(|| u64::try_from(u128::from(written) * DAY / seconds).unwrap_or(u64::MAX))
}

fn kind(folder: &Path, name: &str, device: &Path) -> Kind {
    let at_usb = fs::canonicalize(folder).is_ok_and(|path| path.to_string_lossy().contains("/usb"));
    match text(&device.join("type")).as_deref() {
        _ if name.starts_with("nvme") => Kind::Nvme,
        Some("SD") => Kind::Sd,
        Some("MMC") => Kind::Emmc,
        _ if at_usb => Kind::Usb,
        _ => Kind::Other,
    }
}

fn wear(roots: &Roots, kind: Kind, name: &str, device: &Path) -> Option<Wear> {
    match kind {
        Kind::Nvme => {
            // nvme0n1 is a namespace of nvme0.
            let controller = name.rsplit_once('n').map_or(name, |(controller, _)| controller);
            match nvme::health(&roots.dev.join(controller)) {
                Ok(page) => Some(Smart(&page).wear()),
                Err(error) => {
                    tracing::debug!("{controller}: {error}");
                    None
                }
            }
        }
        Kind::Emmc => {
            let pre_eol = text(&device.join("pre_eol_info")).unwrap_or_default();
            Wear::of_emmc(&text(&device.join("life_time"))?, &pre_eol)
        }
        Kind::Sd | Kind::Usb | Kind::Other => None,
    }
}

fn link(device: &Path) -> Option<Link> {
    let speed = text(&device.join("current_link_speed"))?;
    let totals = ["aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal"].map(|file| {
        let lines = text(&device.join(file)).unwrap_or_default();
        let total =
            lines.lines().find_map(|line| line.strip_prefix("TOTAL_ERR_")?.split_once(' ')?.1.parse().ok());
        total.unwrap_or(0_u64)
    });
    Some(Link {
        gigatransfers: speed.split_ascii_whitespace().next()?.parse().ok()?,
        lanes: text(&device.join("current_link_width"))?.parse().ok()?,
        errors: totals.into_iter().fold(0, u64::saturating_add),
    })
}

/// Of every ext4 file system: all of ours are on the system's drive (Linux, ABI/testing/sysfs-fs-ext4).
fn file_system_errors(sys: &Path) -> u64 {
    let systems = fs::read_dir(sys.join("fs/ext4")).into_iter().flatten().flatten();
    let counts = systems.filter_map(|entry| text(&entry.path().join("errors_count"))?.parse::<u64>().ok());
    counts.fold(0, u64::saturating_add)
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn drives_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { sys: folder.path().join("sys"), dev: folder.path().join("dev") };
        let stat = "10 0 2048 5 20 0 4096 9 0 0 0\n";
        put(
            &roots.sys,
            &[
                ("block/mmcblk0/size", "1000\n"),
                ("block/mmcblk0/stat", stat),
                ("block/mmcblk0/device/type", "SD\n"),
                ("block/mmcblk0/device/name", "SN128\n"),
                ("block/mmcblk1/size", "10\n"),
                ("block/mmcblk1/stat", stat),
                ("block/mmcblk1/device/type", "MMC\n"),
                ("block/mmcblk1/device/life_time", "0x09 0x02\n"),
                ("block/nvme0n1/size", "2000\n"),
                ("block/nvme0n1/stat", stat),
                ("block/nvme0n1/device/device/current_link_speed", "5.0 GT/s PCIe\n"),
                ("block/nvme0n1/device/device/current_link_width", "1\n"),
                ("block/nvme0n1/device/device/aer_dev_correctable", "RxErr 3\nTOTAL_ERR_COR 3\n"),
                ("block/sda/size", "0\n"),
                ("block/sda/stat", stat),
                ("block/dm-0/size", "100\n"),
                ("fs/ext4/dm-1/errors_count", "2\n"),
            ],
        );
        let drives = look(&roots, "/dev/nvme0n1", Duration::from_secs(172_800));
        let names: Vec<_> = drives.iter().map(|drive| (drive.name.as_str(), drive.kind)).collect();
        assert_eq!(names, [("nvme0n1", Kind::Nvme), ("mmcblk0", Kind::Sd), ("mmcblk1", Kind::Emmc)]);
        assert_eq!(drives[0].link, Some(Link { gigatransfers: 5.0, lanes: 1, errors: 3 }));
        assert_eq!((drives[0].file_system_errors, drives[1].file_system_errors), (2, 0));
        assert_eq!((drives[1].model.as_str(), drives[1].bytes), ("SN128", 512_000));
        assert_eq!((drives[1].read_bytes, drives[1].written_bytes), (1_048_576, 2_097_152));
        assert_eq!(drives[1].written_bytes_a_day, Some(1_048_576));
        assert_eq!(drives[2].warnings.len(), 1, "{:?}", drives[2].warnings);
        assert_eq!(look(&roots, "", Duration::from_secs(60))[0].written_bytes_a_day, None);
    }
}
