//! A trial: judged, then committed or left.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tayberry_core::update::gate::{self, Verdict};
use tayberry_core::update::record::{Event, Phase, Target};
use tayberry_core::update::speed::Speed;
use tayberry_format::boot_report::GUARD;

use super::gate::{self as look, Looking};
use super::{Handle, RecordError, evidence, switch};
use crate::device::{autoboot, boot, boot_counter, clock, slots};
use crate::live;

/// How often the checks are looked at, and what failed is tried again.
const LOOK: Duration = Duration::from_secs(2);

impl Handle {
    /// Does what the record says was begun, and then nothing more: updates come from outside.
    pub async fn run(&self) -> Infallible {
        self.clear_next_root().await;
        loop {
            let done = match self.phase() {
                Phase::Trial(target) => self.judge(since(&target)).await,
                Phase::Committing(target) => self.commit(target).await,
                // What nobody asked for, or nobody remembers, must not stay.
                Phase::Idle if boot::is_try_once() && self.is_not_default() => {
                    self.leave(&Speed::default()).await
                }
                Phase::Idle if switch::began().is_some() && self.is_not_default() => {
                    self.leave(&Speed::Live).await
                }
                Phase::GoingBack(target, _) if target.slot == self.0.running => {
                    self.leave(&target.speed).await
                }
                _ => return self.settle().await,
            };
            if let Err(error) = done {
                tracing::error!("update: {error}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The system was committed before: once it works, its starts are counted anew. Then nothing more: updates come from
    /// outside.
    async fn settle(&self) -> Infallible {
        dismiss_guard();
        while !look::works(self).await {
            tokio::time::sleep(LOOK).await;
        }
        let disk = self.0.report.disk.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || boot_counter::clear(&disk)).await {
            tracing::warn!("the counter of starts: {error}");
        }
        if let Err(error) = self.look_back().await {
            tracing::warn!("the way back: {error}");
        }
        std::future::pending().await
    }

    /// Looks until the gate has a verdict on what began at `since`, counted since the kernel started.
    async fn judge(&self, since: Duration) -> Result<(), TrialError> {
        let mut looking = Looking::begin();
        loop {
            let checks = looking.look(self).await;
            match gate::judge(&checks, clock::uptime().saturating_sub(since)) {
                Verdict::Wait(_) => tokio::time::sleep(LOOK).await,
                Verdict::Healthy => return self.note(Event::Healthy).await,
                Verdict::Unhealthy(reason) => {
                    let log = tokio::task::spawn_blocking(evidence::log).await?;
                    return self.note(Event::Unhealthy(reason, log)).await;
                }
            }
        }
    }

    /// Makes the slot the default, and asks the firmware's model whether it is.
    async fn commit(&self, target: Target) -> Result<(), TrialError> {
        let disk = self.0.report.disk.clone();
        let _held = live::hold_guard(Path::new(GUARD)).map_err(TrialError::Guard)?;
        let done = tokio::task::spawn_blocking(move || {
            // After a live switch nothing was started from there yet.
            slots::starts(&disk, target.slot).map_err(TrialError::Model)?;
            autoboot::write(&disk, target.slot)?;
            slots::would_boot(&disk, target.slot, target.root_hash, false).map_err(TrialError::Model)?;
            Ok::<_, TrialError>(autoboot::keep(target.slot)?)
        });
        done.await??;
        // First, so that whoever hears of the commit finds the services being replaced.
        self.0.stack.rest(false);
        self.note(Event::Committed).await?;
        dismiss_guard();
        Ok(())
    }

    /// Goes back as it came. The firmware boots the default slot: the try-once flag is spent, or was never set.
    async fn leave(&self, speed: &Speed) -> Result<(), TrialError> {
        if *speed == Speed::Live {
            match self.switch().await {
                Ok(()) => std::future::pending().await,
                Err(error) => tracing::error!("not back live: {error}"),
            }
        }
        self.reboot().await?;
        std::future::pending().await
    }

    async fn note(&self, event: Event) -> Result<(), TrialError> {
        let handle = self.clone();
        Ok(tokio::task::spawn_blocking(move || handle.advance(event)).await??)
    }

    pub(super) fn is_not_default(&self) -> bool {
        boot::next(&self.0.report.disk).is_ok_and(|default| default != Some(self.0.running))
    }
}

/// A step that did not work; it is tried again.
#[derive(Debug, thiserror::Error)]
enum TrialError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("autoboot.txt: {0}")]
    Io(#[from] io::Error),
    #[error("the guard goes back: {0}")]
    Guard(io::Error),
    #[error("the committed slot: {0}")]
    Model(String),
    #[error(transparent)]
    Stopped(#[from] tokio::task::JoinError),
    #[error("the restart: {0}")]
    Restart(#[from] zbus::Error),
}

/// When a trial began, since the kernel started.
fn since(target: &Target) -> Duration {
    if target.speed == Speed::Live { switch::began().unwrap_or_default() } else { Duration::ZERO }
}

/// The trial is over: its guard must not reset the board any more.
pub(super) fn dismiss_guard() {
    let Ok(text) = std::fs::read_to_string(GUARD) else { return };
    let Ok(number) = text.trim().parse::<i32>() else { return };
    if let Err(errno) = kill(Pid::from_raw(number), Signal::SIGKILL) {
        tracing::error!("the guard of the trial ({number}) cannot be ended: {errno}");
    }
    if let Err(error) = std::fs::remove_file(GUARD) {
        tracing::warn!("{GUARD}: {error}");
    }
}
