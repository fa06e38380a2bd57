//! Has services hold their requests while something that they depend on is replaced. One that does not is none the worse for it than
//! before: its requests fail for that while.

use std::path::Path;
use std::time::Duration;

use tayberry_core::stack::quadlet::{FOLDER, HOLDS, unit_of};

use super::{Handle, StackError, look};
use crate::device::systemd::{self, Job};

/// How long a signal may take.
const SIGNAL: Duration = Duration::from_secs(60);
/// How long a service has to answer what it was asked before. It cannot say that it did: the container runtime passes nothing on but that
/// it is ready (crun, `notify_socket.c`).
const ANSWERS: Duration = Duration::from_secs(3);

impl Handle {
    /// Tells `units`, and lets each answer what it was asked.
    pub(super) async fn hold(&self, units: &[String]) {
        if !units.is_empty() {
            self.signal("tayberry-hold", units).await;
            tokio::time::sleep(ANSWERS).await;
        }
    }

    /// They go on.
    pub(super) async fn go_on(&self, units: &[String]) {
        self.signal("tayberry-go-on", units).await;
    }

    /// Units that run and can hold requests.
    pub(super) async fn holders(&self) -> Vec<String> {
        self.find_holders().await.unwrap_or_else(|error| {
            tracing::warn!("who holds requests: {error}");
            Vec::new()
        })
    }

    async fn find_holders(&self) -> Result<Vec<String>, StackError> {
        let mut units = Vec::new();
        for (name, text) in look::files(Path::new(FOLDER))? {
            let Some(unit) = unit_of(&name).filter(|_| text.lines().any(|line| line == HOLDS)) else {
                continue;
            };
            if systemd::active_state(&self.0.bus, &unit).await? == "active" {
                units.push(unit);
            }
        }
        Ok(units)
    }

    async fn signal(&self, what: &str, units: &[String]) {
        if units.is_empty() {
            return;
        }
        let jobs: Vec<String> = units.iter().map(|unit| format!("{what}@{unit}")).collect();
        match systemd::run(&self.0.bus, Job::Start, &jobs, SIGNAL).await {
            Ok(bad) if bad.is_empty() => {}
            Ok(bad) => tracing::warn!("not signalled: {bad:?}"),
            Err(error) => tracing::warn!("{what}: {error}"),
        }
    }
}
