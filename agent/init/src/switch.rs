//! The end of the initramfs: the system partition becomes `/`, systemd becomes process 1. Or a reboot.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::{chdir, chroot};
use tayberry_format::boot_report::{self, BootReport};

use crate::mounts::ROOT;
use crate::{InitError, guard, steps};

const SYSTEMD: &str = "/usr/lib/systemd/systemd";

/// Leaves the report in `/run`.
pub(crate) fn leave(report: &BootReport) -> Result<(), InitError> {
    let path = Path::new(boot_report::PATH);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(InitError::system("/run/tayberry"))?;
    }
    let text = serde_json::to_vec(report).map_err(|error| InitError::system("boot report")(error.into()))?;
    fs::write(path, text).map_err(InitError::system(boot_report::PATH))
}

/// Leaves the report in `/run`, moves the mounts, frees the initramfs and starts systemd. Only a failure returns.
pub(crate) fn hand_over(
    report: &BootReport,
    machine_id: Option<&str>,
    trial: bool,
) -> Result<Infallible, InitError> {
    leave(report)?;
    if let tayberry_format::boot_report::Data::Open { device, .. } = &report.data {
        std::os::unix::fs::symlink(format!("/dev/{device}"), "/run/tayberry/data")
            .map_err(InitError::system("/run/tayberry/data"))?;
    }
    if let Some(id) = machine_id {
        // /etc is read-only: the id of this device is laid over the empty file in the image.
        fs::write("/run/machine-id", format!("{id}\n")).map_err(InitError::system("/run/machine-id"))?;
        bind("/run/machine-id", &format!("{ROOT}/etc/machine-id"))?;
    }
    if trial {
        guard::start()?;
    }
    for folder in ["/dev", "/proc", "/sys", "/run"] {
        relocate(folder, &format!("{ROOT}{folder}"))?;
    }
    become_root().map_err(InitError::system("make the system partition the root"))?;
    let error = std::process::Command::new(SYSTEMD).exec();
    Err(InitError::system(format!("start {SYSTEMD}"))(error))
}

fn bind(from: &str, to: &str) -> Result<(), InitError> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| InitError::system(format!("mount {to}"))(errno.into()))
}

fn relocate(from: &str, to: &str) -> Result<(), InitError> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>)
        .map_err(|errno| InitError::system(format!("move {from}"))(errno.into()))
}

fn become_root() -> io::Result<()> {
    let initramfs = fs::metadata("/")?.dev();
    // The memory of the initramfs is only given back when its files go; they are of no further use.
    remove_below(Path::new("/"), initramfs);
    chdir(ROOT)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    chroot(".")?;
    chdir("/")?;
    Ok(())
}

/// Removes everything that lies on the same file system. What cannot be removed costs a little memory, no more.
fn remove_below(folder: &Path, device: u64) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
        if meta.dev() != device {
            continue;
        }
        if meta.is_dir() {
            remove_below(&entry.path(), device);
            fs::remove_dir(entry.path()).unwrap_or_default();
        } else {
            fs::remove_file(entry.path()).unwrap_or_default();
        }
    }
}

/// Waits so that a person can read the sentence, then resets the board. If even that fails the watchdog does it.
pub(crate) fn reboot_after(delay: Duration) -> ! {
    #[allow(clippy::disallowed_methods, reason = "the time is for a person to read the sentence above")]
    std::thread::sleep(delay);
    let Err(errno) = reboot(RebootMode::RB_AUTOBOOT);
    steps::say(&format!("cannot reboot: {errno}"));
    loop {
        std::thread::park();
    }
}
