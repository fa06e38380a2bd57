//! Looks at the drives, decides with `tayberry_core::disk`, and says on the screen what is new.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tayberry_core::disk::Drive;

use crate::device::drives::{self, Roots};
use crate::device::{clock, kernel_log};

/// How often. A drive that is asked does not rest; one that dies does so in weeks.
const PERIOD: Duration = Duration::from_secs(60);

/// What was seen last.
#[derive(Clone)]
pub struct Handle {
    system: Arc<str>,
    seen: Arc<Mutex<Vec<Drive>>>,
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
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the owner should know of them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.drives().into_iter().flat_map(|drive| drive.warnings).collect()
    }

    /// Looks, for ever.
    pub async fn run(&self) -> Infallible {
        let mut said = Vec::new();
        loop {
            let system = self.system.clone();
            let look = move || drives::look(&Roots::default(), &system, clock::uptime());
            match tokio::task::spawn_blocking(look).await {
                Ok(drives) => *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = drives,
                Err(error) => tracing::warn!("the drives: {error}"),
            }
            let warnings = self.warnings();
            warnings.iter().filter(|warning| !said.contains(*warning)).for_each(|new| kernel_log::say(new));
            said = warnings;
            tokio::time::sleep(PERIOD).await;
        }
    }
}
