//! What the device does by itself: asks its repository, installs and restarts at night, goes on after a power cut. Decided in
//! `tayberry_core::update::offer`.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::request::update::RestartWish;
use tayberry_core::update::offer::{self, Act, Seen};
use tayberry_core::update::reason::Reason;

use super::{Handle, lock};
use crate::device::clock;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(60);

impl Handle {
    /// Looks and acts, for ever.
    pub async fn run_alone(&self) -> Infallible {
        let mut tries = 0;
        loop {
            let cut_off = self.was_cut_off().then_some(tries);
            match self.decide(cut_off) {
                Act::Wait => {}
                act => {
                    tries += u32::from(cut_off.is_some());
                    self.act(act).await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn decide(&self, cut_off: Option<u32>) -> Act {
        let now = self.look();
        let settings = self.0.keeper.get().updates.clone().unwrap_or_default();
        let asked = lock(&self.0.asked).at.map(|(_, at)| clock::uptime().saturating_sub(at));
        let failed = now.problem.is_some();
        offer::act(Seen {
            settings: &settings,
            repository: now.repository.is_some(),
            phase: now.phase,
            offered: !failed && now.available.is_some_and(|available| !available.tried_before),
            hour: clock::local_hour(),
            asked,
            failed,
            cut_off,
        })
    }

    /// An install from a repository that a power cut or a restart ended.
    fn was_cut_off(&self) -> bool {
        let record = lock(&self.0.record);
        record.last.as_ref().is_some_and(|last| last.pulled && last.why == Some(Reason::Interrupted))
    }

    async fn act(&self, act: Act) {
        tracing::info!("by itself: {act:?}");
        let done = match act {
            Act::Ask => self.check().await.map(drop),
            Act::Install => match self.fetch(false) {
                Ok(done) => self.end_of(done).await.map(drop),
                Err(problem) => Err(problem),
            },
            Act::Restart => self.restart(RestartWish::default()).await.map(drop),
            Act::Wait => Ok(()),
        };
        if let Err(problem) = done {
            tracing::warn!("by itself: {}", problem.detail.unwrap_or(problem.title));
        }
    }
}
