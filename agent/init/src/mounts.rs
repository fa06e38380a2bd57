//! The mounts of the initramfs.

use nix::mount::{MsFlags, mount};

use crate::InitError;

/// Where the system partition is mounted until it becomes `/`.
pub(crate) const ROOT: &str = "/sysroot";

const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// The kernel's own file systems, and `/run`, which stays.
pub(crate) fn early() -> Result<(), InitError> {
    let noexec = SAFE.union(MsFlags::MS_NOEXEC);
    for (kind, target, flags, options) in [
        ("proc", "/proc", noexec, None),
        ("sysfs", "/sys", noexec, None),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID, Some("mode=0755")),
        ("tmpfs", "/run", SAFE, Some("mode=0755,size=20%")),
    ] {
        std::fs::create_dir_all(target).map_err(InitError::system(target))?;
        mount(Some(kind), target, Some(kind), flags, options)
            .map_err(|errno| InitError::system(format!("mount {target}"))(errno.into()))?;
    }
    Ok(())
}

/// The verified system partition, read-only.
pub(crate) fn system(device: &str) -> Result<(), InitError> {
    std::fs::create_dir_all(ROOT).map_err(InitError::system(ROOT))?;
    mount(Some(device), ROOT, Some("erofs"), MsFlags::MS_RDONLY | MsFlags::MS_NODEV, None::<&str>)
        .map_err(|errno| InitError::system("mount the system partition")(errno.into()))
}
