//! After a live switch the slot before it is in use, until nothing that it started runs any more. Then it is free for the next update.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::update::record::{Event, Phase};

use super::Handle;
use crate::device::{clock, names, next_root, slots};

/// How often it is looked whether the slot can be given free.
const LOOK: Duration = Duration::from_secs(3);
/// How often a service that could not be replaced is tried again: it keeps the slot in use.
const AGAIN: Duration = Duration::from_secs(300);

impl Handle {
    /// Gives the slot free that ran before, once it was left for good.
    pub async fn run_release(&self) -> Infallible {
        let mut changes = self.watch();
        loop {
            if self.phase() != Phase::Idle || !self.is_opened() {
                drop(changes.changed().await);
                continue;
            }
            self.0.stack.is_settled().await;
            self.keep_gap();
            let slot = self.0.running.other();
            let mut said = String::new();
            let (mut named, mut asked) = (false, clock::uptime());
            while self.is_opened() && self.phase() == Phase::Idle && !self.0.stack.is_busy() {
                // Without one containers find nobody: the slot is not free before there is one.
                if !named && let Err(error) = names::renew(&self.0.bus).await {
                    tracing::warn!("the server of the containers' names: {error}");
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                named = true;
                if clock::uptime().saturating_sub(asked) > AGAIN {
                    asked = clock::uptime();
                    self.0.stack.try_again();
                }
                match tokio::task::spawn_blocking(move || next_root::release(slot)).await {
                    Ok(Ok(true)) => tracing::info!("slot {slot} is free"),
                    Ok(Ok(false)) => said = self.say_users(&said),
                    Ok(Err(error)) => tracing::warn!("slot {slot}: {error}"),
                    Err(error) => tracing::warn!("slot {slot}: {error}"),
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Remembers how long services were away, for the next plan.
    fn keep_gap(&self) {
        let away = self.0.stack.away().map(|away| u64::try_from(away.as_millis()).unwrap_or(u64::MAX));
        if let Some(Err(error)) = away.map(|away| self.advance(Event::ServicesAway(away))) {
            tracing::warn!("{error}");
        }
    }

    /// Says who uses the slot, when that is not `said` already.
    fn say_users(&self, said: &str) -> String {
        let users = self.users();
        if users != said {
            tracing::info!("slot {} is used by {users}", self.0.running.other());
        }
        users
    }

    fn is_opened(&self) -> bool {
        next_root::opened(&self.0.report.disk, self.0.running.other()).is_some()
    }

    fn users(&self) -> String {
        let device = next_root::opened(&self.0.report.disk, self.0.running.other());
        slots::users(&device.unwrap_or_default()).join(", ")
    }

    /// Why the other slot cannot be written to; a sentence.
    pub(super) fn other_slot_is_used(&self) -> Option<String> {
        if !self.is_opened() {
            return None;
        }
        let (slot, users) = (self.0.running.other(), self.users());
        let by = if users.is_empty() { String::new() } else { format!(", by {users}") };
        Some(match self.0.stack.problem().filter(|_| !self.0.stack.is_busy()) {
            None => format!(
                "Slot {slot} is still in use{by}: services are being replaced after a live update. Try again when they were."
            ),
            Some(problem) => format!(
                "Slot {slot} is still in use{by}: after a live update a service could not be replaced, which is tried again every five \
                 minutes. {problem} Going back is possible, and a restart of the device frees the slot, too."
            ),
        })
    }
}
