//! Every reading at this moment.

use sysinfo::System;
use tayberry_core::request::metrics::{Metrics, Processor};
use tayberry_core::request::problem::Problem;

use super::status::{memory, room_of_data};
use super::{Desk, failed};
use crate::device::{clock, usage};
use crate::loops::hardware::supply_now;

impl Desk {
    pub(super) async fn metrics(&self) -> Result<Metrics, Problem> {
        // The firmware and the kernel may take their time; the agent's watchdog must not wait for them.
        let look = || (supply_now(), clock::kept(), usage::services(), usage::networks());
        let (supply, clock, services, networks) = tokio::task::spawn_blocking(look).await.map_err(failed)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Metrics {
            at: clock::now(),
            uptime_s: clock::uptime().as_secs(),
            version: crate::device::system::version().to_owned(),
            processor: Processor {
                cores: u32::try_from(cores).unwrap_or(u32::MAX),
                busy_s: usage::busy().unwrap_or_default(),
                load: System::load_average().one,
            },
            memory: memory(),
            data: room_of_data().map_err(failed)?,
            cooling: self.thermal.look(),
            supply,
            clock,
            drives: self.hardware.drives(),
            networks,
            services,
        })
    }
}
