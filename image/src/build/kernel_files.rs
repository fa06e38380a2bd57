//! Finds in the tree what the firmware reads of the kernel package: the kernel, its device tree, its overlays. All of
//! them by the release of the one kernel that is there, so that none is of another. Packing them is left to
//! [`crate::build::boot_files`].

use std::path::{Path, PathBuf};

use crate::build::BuildError;

/// The kernel.
///
/// # Errors
/// When the package has none.
pub fn image(root: &Path, release: &str) -> Result<PathBuf, BuildError> {
    first(root, "vmlinuz", &[format!("usr/lib/modules/{release}/vmlinuz"), format!("boot/vmlinuz-{release}")])
}

/// The device tree with this file name.
///
/// # Errors
/// When the package has none.
pub fn device_tree(root: &Path, release: &str, name: &str) -> Result<PathBuf, BuildError> {
    first(root, name, &folders(release).map(|folder| format!("{folder}/broadcom/{name}")))
}

/// The package's own overlay of this name, without `.dtbo`.
///
/// # Errors
/// When the package has none.
pub fn overlay(root: &Path, release: &str, name: &str) -> Result<PathBuf, BuildError> {
    let file = format!("overlays/{name}.dtbo");
    first(root, &file, &folders(release).map(|folder| format!("{folder}/{file}")))
}

/// Where Debian's kernel packages, and those made the same way, have device trees: since 7.0, and before.
fn folders(release: &str) -> [String; 2] {
    [format!("usr/lib/modules/{release}/dtb"), format!("usr/lib/linux-image-{release}")]
}

fn first(root: &Path, what: &str, places: &[String]) -> Result<PathBuf, BuildError> {
    let mut paths = places.iter().map(|place| root.join(place));
    paths.find(|path| path.exists()).ok_or_else(|| BuildError::Kernel(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "bcm2712-rpi-5-b.dtb";

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn both_layouts_are_known() {
        for (vmlinuz, dtb) in [
            ("usr/lib/modules/6.18+rpt-rpi-v8/vmlinuz", "usr/lib/modules/6.18+rpt-rpi-v8/dtb"),
            ("boot/vmlinuz-6.18+rpt-rpi-v8", "usr/lib/linux-image-6.18+rpt-rpi-v8"),
        ] {
            let (tree_file, over) = (format!("{dtb}/broadcom/{NAME}"), format!("{dtb}/overlays/a.dtbo"));
            let folder = tree(&[vmlinuz, &tree_file, &over]);
            let root = folder.path();
            assert_eq!(image(root, "6.18+rpt-rpi-v8").unwrap(), root.join(vmlinuz));
            assert_eq!(device_tree(root, "6.18+rpt-rpi-v8", NAME).unwrap(), root.join(&tree_file));
            assert_eq!(overlay(root, "6.18+rpt-rpi-v8", "a").unwrap(), root.join(&over));
        }
    }

    #[test]
    fn another_kernels_device_tree_is_never_taken() {
        let folder = tree(&[&format!("usr/lib/linux-image-6.18+rpt-rpi-2712/broadcom/{NAME}")]);
        let error = device_tree(folder.path(), "6.18+rpt-rpi-v8", NAME).unwrap_err().to_string();
        assert!(error.contains(&format!("has no {NAME}")), "{error}");
    }
}
