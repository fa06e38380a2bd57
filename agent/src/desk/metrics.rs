//! Every reading at this moment.

use sysinfo::System;
use tayberry_core::request::metrics::{Metrics, Processor, Supply};
use tayberry_core::request::problem::Problem;

use super::status::{memory, room_of_data};
use super::{Desk, failed};
use crate::device::mailbox::Mailbox;
use crate::device::{clock, usage};

impl Desk {
    pub(super) async fn metrics(&self) -> Result<Metrics, Problem> {
        // The firmware and the kernel may take their time; the agent's watchdog must not wait for them.
        let look = || (supply(), usage::services(), usage::networks());
        let (supply, services, networks) = tokio::task::spawn_blocking(look).await.map_err(failed)?;
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
            drives: self.drives.drives(),
            networks,
            services,
        })
    }
}

fn supply() -> Option<Supply> {
    let throttled = Mailbox::open().and_then(|mut mailbox| mailbox.throttled()).ok()?;
    Some(Supply {
        under_voltage: throttled.under_voltage(),
        slowed: throttled.slowed(),
        under_voltage_since_start: throttled.under_voltage_since_start(),
        slowed_since_start: throttled.slowed_since_start(),
    })
}
