//! Has services hold their requests while something that they depend on is replaced. One that does not is none the worse for it than
//! before: its requests fail for that while.

use std::time::Duration;

use tayberry_core::stack::plan;

use super::Handle;
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
        self.seen().await.map(|seen| plan::holders(&seen)).unwrap_or_else(|error| {
            tracing::warn!("who holds requests: {error}");
            Vec::new()
        })
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
