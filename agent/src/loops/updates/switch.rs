//! The live switch: the other slot's system takes the place of this one, and the services go on meanwhile.

use std::path::Path;
use std::time::Duration;

use super::{Handle, trial};
use crate::device::systemd::{self, Job, ManagerProxy};
use crate::device::{clock, journal, names, next_root, whole_file};

/// Puts the other system where systemd goes (`crate::live`).
const NEXT: &str = "tayberry-next-root.service";
/// Takes that away again.
const NO_NEXT: &str = "tayberry-no-next-root.service";
/// Ends a switch that nobody judges.
const GUARD: &str = "tayberry-guard.service";
/// When the switch began, in milliseconds since the kernel started.
const BEGAN: &str = "/run/tayberry/switched";
/// How long each of the two may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// A switch that did not begin: everything is as before.
#[derive(Debug, thiserror::Error)]
pub(super) enum SwitchError {
    #[error("systemd: {0}")]
    Bus(#[from] zbus::Error),
    #[error("{0}")]
    NotStarted(String),
    #[error("{BEGAN}: {0}")]
    Io(#[from] std::io::Error),
}

impl Handle {
    /// Begins it. systemd ends this process soon. If it does not begin, everything is as before.
    pub(super) async fn switch(&self) -> Result<(), SwitchError> {
        let begun = self.try_switch().await;
        if begun.is_err() {
            // It would reset the board in its time.
            trial::dismiss_guard();
            self.take_away().await;
        }
        begun
    }

    /// An agent that ended between [`NEXT`] and the switch left the other slot mounted: it would stay in use, and the next reboot, whoever
    /// asks for it, would lead there.
    pub(super) async fn clear_next_root(&self) {
        if next_root::is_there() {
            if let Err(error) = self.subscribe().await {
                tracing::warn!("{error}");
            }
            self.take_away().await;
        }
    }

    async fn take_away(&self) {
        match systemd::run(&self.0.bus, Job::Start, &[NO_NEXT.to_owned()], PATIENCE).await {
            Ok(bad) if bad.is_empty() => {}
            Ok(bad) => tracing::warn!("the next root stays mounted: {bad:?}"),
            Err(error) => tracing::warn!("the next root stays mounted: {error}"),
        }
    }

    async fn subscribe(&self) -> zbus::Result<()> {
        ManagerProxy::new(&self.0.bus).await?.subscribe().await
    }

    async fn try_switch(&self) -> Result<(), SwitchError> {
        let bus = &self.0.bus;
        self.subscribe().await?;
        names::spare(bus).await?;
        for unit in [NEXT, GUARD] {
            let bad = systemd::run(bus, Job::Start, &[unit.to_owned()], PATIENCE).await?;
            if !bad.is_empty() {
                let said = journal::last(unit, 1).await.unwrap_or_default();
                return Err(SwitchError::NotStarted(
                    said.into_iter().next_back().unwrap_or_else(|| unit.into()),
                ));
            }
        }
        whole_file::show(Path::new(BEGAN), clock::uptime().as_millis().to_string().as_bytes(), 0o644)?;
        Ok(systemd::soft_reboot(bus).await?)
    }
}

/// When the last one began, since the kernel started; none if there was none.
pub(super) fn began() -> Option<Duration> {
    std::fs::read_to_string(BEGAN).ok()?.trim().parse().ok().map(Duration::from_millis)
}
