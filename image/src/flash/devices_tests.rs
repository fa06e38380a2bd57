//! Tests of [`super`] against a made-up `/sys` and `/proc`.

use super::*;

struct Root(tempfile::TempDir);

impl Root {
    fn new(mounts: &str, swaps: &str) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.put("proc/self/mountinfo", mounts);
        root.put("proc/swaps", &format!("Filename\tType\tSize\tUsed\tPriority\n{swaps}"));
        root.put("sys/block/.keep/x", "");
        root
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A disk of 16 GiB with these extra files.
    fn disk(&self, name: &str, number: &str, files: &[(&str, &str)]) {
        let usual =
            [("dev", number), ("size", "33554432\n"), ("ro", "0\n"), ("queue/logical_block_size", "512\n")];
        for (file, text) in usual.iter().chain(files) {
            self.put(&format!("sys/block/{name}/{file}"), text);
        }
    }

    fn look(&self) -> Vec<Device> {
        look(&Places::below(self.0.path())).unwrap()
    }
}

#[test]
fn drives_are_told_apart() {
    let root = Root::new("", "");
    root.disk("sda", "8:0", &[("device/model", "Ultra Fit       \n"), ("device/type", "0")]);
    root.disk("sr0", "11:0", &[("device/type", "5"), ("ro", "1")]);
    root.disk("mmcblk0", "179:0", &[("device/name", "SC16G\n"), ("device/type", "SD\n")]);
    root.disk("vda", "254:0", &[("device/vendor", "0x1af4")]);
    root.disk("loop0", "7:0", &[("loop/backing_file", "/a")]);
    root.disk("zram0", "253:0", &[("queue/logical_block_size", "4096")]);
    let found: Vec<(String, Kind, String, u64)> = root
        .look()
        .into_iter()
        .map(|d| (d.name.clone(), d.kind, d.confirmation().into(), d.sector))
        .collect();
    let row = |name: &str, kind, word: &str, sector| (name.to_owned(), kind, word.to_owned(), sector);
    assert_eq!(
        found,
        [
            row("loop0", Kind::Loop, "loop0", 512),
            row("mmcblk0", Kind::Drive, "SC16G", 512),
            row("sda", Kind::Drive, "Ultra Fit", 512),
            row("sr0", Kind::Optical, "sr0", 512),
            row("vda", Kind::Drive, "vda", 512),
            row("zram0", Kind::Virtual, "zram0", 4096),
        ]
    );
    assert_eq!(root.look()[2].bytes, 16 << 30);
}

#[test]
fn every_use_is_seen() {
    let root = Root::new(
        "22 1 8:1 / /media/my\\040card rw,relatime shared:1 - vfat /dev/sda1 rw\n\
         23 1 0:35 /sub /home rw - btrfs /dev/sdb1 rw\n\
         24 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw\n\
         25 1 0:40 / /proc rw - proc proc rw\n\
         26 1 259:0 / /whole rw - ext4 /dev/nvme0n1 rw\n",
        "/dev/sdd2  partition 1 0 -2\n",
    );
    root.disk("sda", "8:0", &[("device/type", "0"), ("sda1/partition", "1"), ("sda1/dev", "8:1")]);
    root.disk("sdb", "8:16", &[("device/type", "0"), ("sdb1/partition", "1"), ("sdb1/dev", "8:17")]);
    let held = ("sdc2/holders/dm-0", "");
    root.disk("sdc", "8:32", &[("device/type", "0"), ("sdc2/partition", "2"), ("sdc2/dev", "8:34"), held]);
    root.disk("sdd", "8:48", &[("device/type", "0"), ("sdd2/partition", "2"), ("sdd2/dev", "8:50")]);
    root.disk("dm-0", "253:0", &[("holders/dm-1", ""), ("dm/name", "crypt")]);
    root.disk("dm-1", "253:1", &[("dm/name", "vg-root")]);
    root.disk("nvme0n1", "259:0", &[("device/model", "Drive")]);
    let uses = |name: &str| root.look().into_iter().find(|device| device.name == name).unwrap().uses;
    let row = |device: &str, how| Use { device: device.to_owned(), how };
    assert_eq!(uses("sda"), [row("sda1", How::Mounted("/media/my card".into()))]);
    assert_eq!(uses("sdb"), [row("sdb1", How::Mounted("/home".into()))]);
    assert_eq!(
        uses("sdc"),
        [
            row("sdc2", How::HeldBy("dm-0".into())),
            row("dm-0", How::HeldBy("dm-1".into())),
            row("dm-1", How::Mounted("/".into())),
        ]
    );
    assert_eq!(uses("sdd"), [row("sdd2", How::Swap)]);
    assert_eq!(uses("nvme0n1"), [row("nvme0n1", How::Mounted("/whole".into()))]);
    assert_eq!(root.look().iter().find(|d| d.name == "sda").unwrap().partitions["8:1"], "sda1");
}
