//! Looks at the drives and at the supply, decides with `tayberry_core::disk` and `tayberry_core::supply`, and says on the screen what is
//! new.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tayberry_core::disk::Drive;
use tayberry_core::liveness::Pulse;
use tayberry_core::request::metrics::Supply;
use tayberry_core::supply;

use crate::device::drives::{self, Roots};
use crate::device::mailbox::Mailbox;
use crate::device::{clock, kernel_log};

/// How often. A drive that is asked does not rest; one that dies does so in weeks.
const PERIOD: Duration = Duration::from_secs(60);

/// What was seen last.
#[derive(Clone)]
pub struct Handle {
    system: Arc<str>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone, Default)]
struct Seen {
    drives: Vec<Drive>,
    supply: Option<Supply>,
}

impl Handle {
    /// Of a device whose system is on this drive, by its path.
    #[must_use]
    pub fn new(system: &str) -> Self {
        Self { system: system.into(), seen: Arc::default() }
    }

    /// The drives; none before the first look.
    #[must_use]
    pub fn drives(&self) -> Vec<Drive> {
        self.seen().drives
    }

    /// What the owner should know.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let Seen { drives, supply } = self.seen();
        let drives = drives.into_iter().flat_map(|drive| drive.warnings);
        drives.chain(supply.and_then(supply::warning)).collect()
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks, for ever.
    pub async fn run(&self, pulse: &Pulse) -> Infallible {
        let mut said = Vec::new();
        loop {
            let system = self.system.clone();
            match tokio::task::spawn_blocking(move || look(&system)).await {
                Ok(seen) => *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen,
                Err(error) => tracing::warn!("the hardware: {error}"),
            }
            let warnings = self.warnings();
            warnings.iter().filter(|warning| !said.contains(*warning)).for_each(|new| kernel_log::say(new));
            said = warnings;
            pulse.beat(clock::uptime());
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn look(system: &str) -> Seen {
    if clock::is_synchronised() {
        clock::keep();
    }
    Seen { drives: drives::look(&Roots::default(), system, clock::uptime()), supply: supply_now() }
}

/// What the firmware says of the supply; nothing without a firmware to ask.
#[must_use]
pub fn supply_now() -> Option<Supply> {
    let throttled = Mailbox::open().and_then(|mut mailbox| mailbox.throttled()).ok()?;
    Some(supply::read(throttled))
}
