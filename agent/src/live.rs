//! The programs of a live switch that are not the agent, which may not mount and does not outlast it.
//!
//! [`next_root`] puts the other slot's system where systemd goes. [`guard`] ends a switch that nobody judges: a process of the system
//! before it, which the switch spares. When the time is over it goes back live, and where that is not possible, resets the board: the
//! firmware then starts the slot that was committed. The agent ends it when the new system is judged.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::reboot::{RebootMode, reboot};
use tayberry_format::boot_report::GUARD;

use crate::device::{boot, next_root, systemd};

/// How long the new system has: half a minute longer than the agent's own deadline.
const END: Duration = Duration::from_secs(330);
/// How long the way back may take, until the agent there ends this process, before the board is reset.
const BACK: Duration = Duration::from_secs(300);

/// A guard that cannot stand.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// What runs is not known.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// Its file.
    #[error("{GUARD}: {0}")]
    Io(#[from] io::Error),
}

/// A next root that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// What runs is not known.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// Its root.
    #[error(transparent)]
    Root(#[from] next_root::NextRootError),
}

/// Puts the system of the slot that does not run where a soft reboot goes.
///
/// # Errors
/// When it cannot be had; then nothing lies there, and a reboot is one.
pub fn next_root() -> Result<(), NextError> {
    let (disk, running) = (boot::report()?.disk, boot::running()?);
    next_root::prepare(&disk, running.other()).inspect_err(|_| next_root::clear())?;
    Ok(())
}

/// Takes that away again: nothing has the other slot mounted.
pub fn no_next_root() {
    next_root::clear();
}

/// Stands guard until it is ended, or ends the switch.
///
/// # Errors
/// When it cannot begin.
pub async fn guard() -> Result<Infallible, GuardError> {
    let (disk, slot) = (boot::report()?.disk, boot::running()?);
    std::fs::write(GUARD, std::process::id().to_string())?;
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    tokio::time::sleep(END).await;
    // A commit that began is waited for; none begins from here on.
    let held = tokio::task::spawn_blocking(|| File::open(GUARD).and_then(|file| file.lock().map(|()| file)));
    let _held =
        held.await.map_err(io::Error::other).flatten().inspect_err(|error| tracing::error!("{error}"));
    let done = match boot::running() {
        // The new system was judged, and left: it is the agent here that does not come.
        Ok(running) if running == slot => Ok(()),
        // It was judged, and stays: its agent has yet to say so.
        Ok(running) if boot::next(&disk).is_ok_and(|default| default == Some(running)) => Ok(()),
        Ok(_) => {
            tracing::error!("the live switch was not judged in time: back to slot {slot}");
            back(&disk, slot).await
        }
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => tokio::time::sleep(BACK).await,
        Err(error) => tracing::error!("{error}"),
    }
    nix::unistd::sync();
    reboot(RebootMode::RB_AUTOBOOT).map_err(std::io::Error::from)?;
    Ok(std::future::pending().await)
}

/// Held, it keeps the guard from going back; none if no guard stands.
///
/// # Errors
/// When the guard goes back already.
pub fn hold_guard(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => file.try_lock().map(|()| Some(file)).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn back(disk: &str, slot: tayberry_format::slot::Slot) -> Result<(), Box<dyn std::error::Error>> {
    next_root::prepare(disk, slot)?;
    systemd::soft_reboot(&zbus::Connection::system().await?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_committed_while_the_guard_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        assert!(hold_guard(&path).unwrap().is_none(), "a trial after a restart has none");
        std::fs::write(&path, "7").unwrap();
        let held = hold_guard(&path).unwrap();
        assert!(hold_guard(&path).is_err(), "one of them");
        drop(held);
        assert!(hold_guard(&path).unwrap().is_some());
    }
}
