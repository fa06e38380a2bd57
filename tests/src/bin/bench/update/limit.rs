//! A slower disk: programs that may write only so fast, by the kernel's control groups (Documentation/admin-guide, cgroup-v2 `io.max`,
//! cgroup-v1 `blkio.throttle`). A machine that builds often keeps its disk in its host's memory, which no Pi does.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A group whose programs write no faster than it was made for. Gone when dropped.
pub(super) struct Limit(PathBuf);

impl Limit {
    /// A group for writes to the disk of `folder`; nothing where the kernel or its administrator allows none.
    pub(super) fn new(folder: &Path, bytes_per_second: u64) -> Option<Self> {
        let disk = disk(fs::metadata(folder).ok()?.dev())?;
        let (groups, file, value) = if Path::new("/sys/fs/cgroup/blkio").exists() {
            let value = format!("{disk} {bytes_per_second}");
            ("/sys/fs/cgroup/blkio", "blkio.throttle.write_bps_device", value)
        } else {
            fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+io").ok()?;
            ("/sys/fs/cgroup", "io.max", format!("{disk} wbps={bytes_per_second}"))
        };
        let group = Self(Path::new(groups).join(format!("tayberry-bench-{}", std::process::id())));
        fs::create_dir_all(&group.0).ok()?;
        fs::write(group.0.join(file), value).ok()?;
        Some(group)
    }

    /// A command that runs in the group.
    pub(super) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ >"$0" && exec "$@""#]).arg(self.0.join("cgroup.procs")).arg(program);
        command
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // An empty group that stays harms nobody.
        drop(fs::remove_dir(&self.0));
    }
}

/// The whole disk that holds the partition or disk `device`, as the kernel numbers it.
fn disk(device: u64) -> Option<String> {
    let number = format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let place = fs::canonicalize(format!("/sys/dev/block/{number}")).ok()?;
    if !place.join("partition").exists() {
        return Some(number);
    }
    Some(fs::read_to_string(place.parent()?.join("dev")).ok()?.trim().to_owned())
}
