//! The restart into what was written, or the live switch: asked of the firmware's model first, then of the firmware.

use std::time::Duration;

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{RestartWish, Updates};
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{Event, Phase};
use tayberry_core::update::speed::Speed;

use super::{Handle, busy};
use crate::device::mailbox::Mailbox;
use crate::device::{slots, systemd};
use crate::loops::stack::Works;

/// How long services that are being changed are waited for.
const SETTLES: Duration = Duration::from_secs(180);

impl Handle {
    /// Has the update run that was written: live where that is possible and not unwished for, else by a restart.
    ///
    /// # Errors
    /// When there is none, or the firmware would not start it: then it is given up, and nothing restarts.
    pub async fn restart(&self, wish: RestartWish) -> Result<Updates, Problem> {
        // What is half replaced would be half spared, and nobody could say whether it worked.
        drop(tokio::time::timeout(SETTLES, self.0.stack.is_settled()).await);
        self.0.stack.is_unchanging()?;
        let stack_works = matches!(self.0.stack.works().await, Works::Yes(_));
        let handle = self.clone();
        let armed = tokio::task::spawn_blocking(move || handle.arm(stack_works, wish)).await;
        match armed.map_err(|error| failed(&error))?? {
            Speed::Reboot { .. } => self.reboot().await.map_err(|error| failed(&error))?,
            Speed::Live => {
                self.0.stack.rest(true);
                self.switch().await.map_err(|error| {
                    self.0.stack.rest_no_more();
                    self.give_up(Reason::NotArmed { why: error.to_string() })
                })?;
            }
        }
        Ok(self.look())
    }

    /// Tells the firmware to try the slot once, if that would start it; for a live switch, only asks whether it would.
    fn arm(&self, stack_works: bool, wish: RestartWish) -> Result<Speed, Problem> {
        let Phase::Staged(target) = self.phase() else {
            return Err(Problem::new(Kind::UpdateBusy, "There is no update that waits for a restart."));
        };
        slots::would_boot(&self.0.report.disk, target.slot, target.root_hash, true)
            .map_err(|why| self.give_up(Reason::WouldNotBoot { why }))?;
        let reboot = wish.reboot;
        self.advance(Event::Restart { stack_works, reboot }).map_err(|error| busy(&error))?;
        let speed = if reboot { Speed::default() } else { target.speed };
        if speed != Speed::Live {
            Mailbox::open()
                .and_then(|mut mailbox| mailbox.set_try_once())
                .map_err(|error| self.give_up(Reason::NotArmed { why: error.to_string() }))?;
        }
        Ok(speed)
    }

    fn give_up(&self, reason: Reason) -> Problem {
        let problem = Problem::new(Kind::UpdateFailed, reason.sentence());
        match self.advance(Event::Failed(reason)) {
            Ok(()) => problem,
            Err(error) => failed(&error),
        }
    }

    /// Restarts the device: systemd stops everything in order first.
    pub(super) async fn reboot(&self) -> zbus::Result<()> {
        systemd::reboot(&self.0.bus).await
    }
}

/// Restarts, and does nothing more until systemd ends this process.
///
/// # Errors
/// When systemd refuses.
pub async fn restart_now(bus: &zbus::Connection) -> zbus::Result<()> {
    tracing::warn!("restarting into the slot that was committed");
    systemd::reboot(bus).await?;
    std::future::pending().await
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("{error}");
    Problem::new(Kind::Failed, error.to_string())
}
