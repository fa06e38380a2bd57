//! What the status page shows.

use nix::sys::statvfs::statvfs;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tayberry_core::health;
use tayberry_core::request::problem::Problem;
use tayberry_core::request::status::{Room, Status};
use tayberry_core::status::State;

use super::{Desk, failed};
use crate::device::mailbox::Mailbox;
use crate::device::{clock, network};

/// Where the data partition is mounted.
const DATA: &str = "/var";

impl Desk {
    pub(super) async fn status(&self) -> Result<Status, Problem> {
        // The firmware may take seconds; the agent's watchdog must not wait for it. Without a mailbox nothing measures.
        let read = || Mailbox::open().and_then(|mut mailbox| mailbox.temperature()).ok();
        let temperature = tokio::task::spawn_blocking(read).await.map_err(failed)?;
        let data = room_of_data().map_err(failed)?;
        let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(refresh);
        let board = self.board.clone();
        let facts = tokio::task::spawn_blocking(move || board.facts()).await.map_err(failed)?;
        let state = State::derive(facts);
        let (verdict, notices) = health::judge(state, data, self.notices.clone());
        Ok(Status {
            name: network::name(),
            version: crate::device::system::version().to_owned(),
            slot: facts.running.to_string(),
            next_slot: facts.default.map(|slot| slot.to_string()),
            state: state.word().to_owned(),
            health: verdict,
            notices,
            addresses: self.network.addresses(),
            temperature_c: temperature.map(|temperature| temperature.degrees()),
            uptime_s: clock::uptime().as_secs(),
            now: clock::now(),
            time: self.time_source(),
            data,
            memory: Room { total: system.total_memory(), free: system.available_memory() },
            load: System::load_average().one,
            last_event: self.memory().last_event.clone(),
        })
    }
}

fn room_of_data() -> nix::Result<Room> {
    let stat = statvfs(DATA)?;
    let unit = stat.fragment_size();
    Ok(Room { total: stat.blocks() * unit, free: stat.blocks_available() * unit })
}
