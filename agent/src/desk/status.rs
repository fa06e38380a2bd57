//! What the status page shows.

use nix::sys::statvfs::statvfs;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tayberry_core::request::metrics::Temperature;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::status::{Health, Room, Status};
use tayberry_core::request::update::UpdatePhase;
use tayberry_core::self_test::{SelfTest, Stage};
use tayberry_core::status::{Facts, State};
use tayberry_core::{health, led};

use super::{Desk, failed};
use crate::device::{clock, network};

/// Where the data partition is mounted.
const DATA: &str = "/var";

impl Desk {
    pub(super) async fn status(&self) -> Result<Status, Problem> {
        let cooling = self.thermal.look();
        let is_processor = |temperature: &&Temperature| temperature.sensor == "processor";
        let temperature = cooling.as_ref().and_then(|now| now.temperatures.iter().find(is_processor));
        let data = room_of_data().map_err(failed)?;
        let facts = self.slots().await?;
        let state = State::derive(facts);
        let (verdict, notices) = health::judge(state, data, self.all_notices());
        Ok(Status {
            name: network::name(),
            version: crate::device::system::version().to_owned(),
            slot: facts.running.to_string(),
            next_slot: facts.default.map(|slot| slot.to_string()),
            state: state.word().to_owned(),
            health: verdict,
            notices,
            addresses: self.network.addresses(),
            temperature_c: temperature.map(|temperature| temperature.celsius),
            uptime_s: clock::uptime().as_secs(),
            now: clock::now(),
            time: self.time_source(),
            data,
            memory: memory(),
            load: System::load_average().one,
            last_event: self.memory().last_event.clone(),
        })
    }

    /// What the owner should know: of this start, of drives and supply, of the fan.
    fn all_notices(&self) -> Vec<String> {
        let doubts = self.thermal.look().map(|cooling| cooling.doubts).unwrap_or_default();
        self.notices.iter().cloned().chain(self.hardware.warnings()).chain(doubts).collect()
    }

    /// The slots, as the disk says now; it may take its time.
    async fn slots(&self) -> Result<Facts, Problem> {
        let board = self.board.clone();
        tokio::task::spawn_blocking(move || board.facts()).await.map_err(failed)
    }

    /// The watchdogs' test. It begins only on a system that stays: a trial would count what hangs as its own failure.
    pub(super) async fn self_test(&self, stages: Option<Vec<Stage>>) -> Result<SelfTest, Problem> {
        let state = State::derive(self.slots().await?);
        if stages.is_some() && (state != State::Committed || self.update_phase() != UpdatePhase::Idle) {
            return Err(Problem::new(Kind::NotAllowed, "Only while no update is under way or on trial."));
        }
        self.self_test.ask(stages.as_deref())
    }

    /// Where updates are.
    #[must_use]
    pub fn update_phase(&self) -> UpdatePhase {
        self.updates.look().phase
    }

    /// What the LED shows when nobody presses anything. What cannot be read is a reason to look.
    pub async fn condition(&self) -> led::Facts {
        let state = self.slots().await.map(State::derive);
        let judged = state.clone().and_then(|state| {
            room_of_data().map(|data| health::judge(state, data, self.all_notices()).0).map_err(failed)
        });
        led::Facts {
            button: None,
            update: self.update_phase(),
            state: state.unwrap_or(State::Committed),
            health: judged.unwrap_or(Health::Attention),
            owned: self.state().owner.is_some(),
        }
    }
}

pub(super) fn room_of_data() -> nix::Result<Room> {
    let stat = statvfs(DATA)?;
    let unit = stat.fragment_size();
    Ok(Room { total: stat.blocks() * unit, free: stat.blocks_available() * unit })
}

pub(super) fn memory() -> Room {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh);
    Room { total: system.total_memory(), free: system.available_memory() }
}
