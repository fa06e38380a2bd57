//! A small made-up appliance: what a build hands to those who describe and write it. Everything in it is fixed, so that
//! generated files can be compared with golden ones.

use std::fs::File;
use std::path::{Path, PathBuf};

use tayberry::build::boot_files::{self, BootFiles};
use tayberry::build::disk::{self, System};
use tayberry::build::tree::Tree;
use tayberry::config::Config;
use tayberry::lock::Lock;
use tayberry::outputs::Facts;
use tayberry_format::verity;

pub(crate) const CONFIG: &str = include_str!("../made-up/appliance.toml");
pub(crate) const LOCK: &str = include_str!("../made-up/tayberry.lock");

/// What a build would know.
pub(crate) struct MadeUp {
    pub(crate) config: Config,
    pub(crate) lock: Lock,
    pub(crate) tree: Tree,
    pub(crate) boot: BootFiles,
    pub(crate) hash_tree: verity::Tree,
    /// Stands for the EROFS image.
    pub(crate) system: PathBuf,
}

/// What stands for a kernel: bytes that hardly repeat (xorshift).
fn kernel(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(next).collect()
}

impl MadeUp {
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::write(folder.join("appliance.toml"), CONFIG).unwrap();
        std::fs::write(folder.join("tayberry.lock"), LOCK).unwrap();
        let config = Config::load(&folder.join("appliance.toml")).unwrap();
        let lock = Lock::load(&folder.join("tayberry.lock")).unwrap();
        let mut tree =
            Tree { root: folder.join("root"), origin: std::collections::BTreeMap::new(), base: None };
        tree.write("etc/hostname", b"shed\n").unwrap();
        tree.write("usr/bin/bash", &[7; 1000]).unwrap();
        tree.link("usr/bin/sh", "bash").unwrap();
        for path in ["etc/hostname", "usr/bin/bash"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            std::fs::set_permissions(tree.path(path), mode).unwrap();
        }
        for path in ["usr/bin/bash", "usr/bin/sh"] {
            tree.origin.insert(path.into(), "bash".into());
        }
        let noise: Vec<u8> =
            (0..300_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let system = folder.join("system.erofs");
        std::fs::write(&system, &noise).unwrap();
        let flavour = config.flavour().unwrap();
        let boot = BootFiles {
            // Long enough for its copy to lie where it need not be sent again.
            kernel: [&[0x1f, 0x8b][..], &kernel(2_500_000)].concat(),
            initramfs: vec![2; 3000],
            rescue: vec![3; 6000],
            device_tree: (flavour.device_tree.clone(), device_tree()),
            overlays: vec![("bcm2712d0".into(), device_tree()), ("shed".into(), device_tree())],
            config: boot_files::config(flavour),
        };
        let hash_tree = verity::build(&noise[..]).unwrap();
        Self { config, lock, tree, boot, hash_tree, system }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            config: &self.config,
            kernel: self.config.flavour().unwrap(),
            lock: &self.lock,
            release: "7.0.0-made-up",
            tree: &self.tree,
            boot: &self.boot,
            hash_tree: &self.hash_tree,
        }
    }

    pub(crate) fn cmdline(&self) -> String {
        boot_files::command_line(self.config.flavour().unwrap(), self.hash_tree.root)
    }

    /// The plain image at `path`, which is sparse.
    pub(crate) fn write_disk(&self, path: &Path) -> File {
        let mut disk = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        let system = System { image: &self.system, tree: &self.hash_tree };
        disk::write(&mut disk, &self.boot, &self.cmdline(), &system).unwrap();
        disk
    }
}

/// The smallest device tree that is for a BCM2712 (Devicetree Specification 0.4, chapter 5).
fn device_tree() -> Vec<u8> {
    let value = b"brcm,bcm2712\0\0\0\0";
    let strings = b"compatible\0";
    let words = |words: &[usize]| -> Vec<u8> {
        words.iter().flat_map(|word| u32::try_from(*word).unwrap().to_be_bytes()).collect()
    };
    // A root without a name, one property, both ends.
    let structure = [words(&[1, 0, 3, 13, 0]), value.to_vec(), words(&[2, 9])].concat();
    let (at, total) = (56 + structure.len(), 56 + structure.len() + strings.len());
    let header = words(&[0xd00d_feed, total, 56, at, 40, 17, 16, 0, strings.len(), structure.len()]);
    [&header[..], &[0; 16], &structure, strings].concat()
}
