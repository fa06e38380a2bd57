//! Leaves rescue: which slot is the default from now on, and the restart.

use std::convert::Infallible;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use tayberry_format::boot_counter::Counter;
use tayberry_format::slot::Slot;

use super::RescueError;
use super::data::VAR;
use crate::device::{autoboot, boot, boot_counter, slots};

/// How long an answer may take to reach a browser.
const ANSWER: Duration = Duration::from_secs(1);

/// Makes `slot` the default, if the firmware would start it and its system is whole.
///
/// # Errors
/// With the reason, a sentence; nothing was changed.
pub(super) async fn make_default(disk: &str, slot: Slot, counter: Counter) -> Result<(), String> {
    let disk = disk.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        slots::verify(&disk, slot, &mut |_| ())?;
        // Said before it is done: a power cut between the two must not cost the owner the sentence.
        boot_counter::note(&disk, counter);
        autoboot::write(&disk, slot).map_err(|error| format!("autoboot.txt: {error}"))
    });
    done.await.map_err(|error| error.to_string()).flatten()
}

/// Restarts the board once whoever asked for it has had an answer.
pub(super) fn restart_soon(disk: &str, counter: Counter) {
    let disk = disk.to_owned();
    tokio::spawn(async move {
        tokio::time::sleep(ANSWER).await;
        let Err(error) = restart(&disk, counter).await;
        tracing::error!("the restart: {error}");
    });
}

/// Restarts the board, and makes both counters begin anew: else the firmware would come back here.
///
/// # Errors
/// When the kernel refuses.
pub(super) async fn restart(disk: &str, counter: Counter) -> Result<Infallible, RescueError> {
    let disk = disk.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        boot_counter::begin_anew(&disk, counter);
        match umount2(VAR, MntFlags::MNT_DETACH) {
            Ok(()) | Err(Errno::EINVAL) => {}
            Err(errno) => tracing::warn!("{VAR}: {errno}"),
        }
        nix::unistd::sync();
        reboot(RebootMode::RB_AUTOBOOT)
    });
    done.await?.map_err(|errno| std::io::Error::from(errno).into())
}

/// Writes the counter and reads it back from the drive.
///
/// # Errors
/// When the drive does not keep it.
pub(super) async fn keep(disk: &str, counter: Counter) -> std::io::Result<()> {
    let disk = disk.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        boot_counter::write(&disk, counter)?;
        boot::forget(&File::open(Path::new("/dev").join(&disk))?)?;
        let kept = boot_counter::read(&disk)?;
        if kept == counter { Ok(()) } else { Err(std::io::Error::other("the drive keeps nothing")) }
    });
    done.await.map_err(std::io::Error::other)?
}
