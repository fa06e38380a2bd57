//! `io.tayberry.Agent1` on the system bus: what the device says of itself.

pub mod client;

use tayberry_core::status::{Facts, State};
use tayberry_core::timing::Stage;
use tayberry_format::boot_report::BootReport;

use crate::device::mailbox::Mailbox;

/// Bus name, and the object's interface.
pub const NAME: &str = "io.tayberry.Agent1";
/// Path of the object.
pub const PATH: &str = "/io/tayberry/Agent1";

/// What is served.
#[derive(Debug, Clone)]
pub struct Status {
    /// The facts about slots.
    pub facts: Facts,
    /// What the initramfs left.
    pub report: BootReport,
    /// Stages of this boot and their lengths in milliseconds.
    pub stages: Vec<Stage>,
}

/// The object on the bus.
pub struct Agent(pub Status);

/// Read-only; everybody on the system bus may read it.
#[zbus::interface(name = "io.tayberry.Agent1")]
impl Agent {
    /// Version of the agent and of the operating system.
    #[zbus(property)]
    fn version(&self) -> &str {
        crate::VERSION
    }

    /// The slot whose system partition is mounted at `/`.
    #[zbus(property)]
    fn booted_slot(&self) -> String {
        self.0.facts.running.to_string()
    }

    /// The slot that the firmware will boot next; empty when it names none.
    #[zbus(property)]
    fn default_slot(&self) -> String {
        self.0.facts.default.map(|slot| slot.to_string()).unwrap_or_default()
    }

    /// Whether this boot is a trial that was not judged yet.
    #[zbus(property)]
    fn trial(&self) -> bool {
        State::derive(self.0.facts) == State::Trial
    }

    /// `committed`, `trial`, `reboot changes slot` or `no default slot`.
    #[zbus(property)]
    fn state(&self) -> &str {
        State::derive(self.0.facts).word()
    }

    /// Device name of the disk.
    #[zbus(property)]
    fn disk(&self) -> &str {
        &self.0.report.disk
    }

    /// Root hash under which the system partition was opened.
    #[zbus(property)]
    fn root_hash(&self) -> String {
        self.0.report.root_hash.to_string()
    }

    /// Stages of this boot and their lengths in milliseconds.
    #[zbus(property)]
    fn boot_stages(&self) -> Vec<(String, u64)> {
        self.0.stages.clone()
    }

    /// Temperature of the processor in degrees Celsius, read anew each time; an error where there is no mailbox.
    #[zbus(property(emits_changed_signal = "false"))]
    async fn soc_temperature(&self) -> zbus::fdo::Result<f64> {
        // The firmware may take seconds; the agent's watchdog must not wait for it.
        let read = || Mailbox::open()?.temperature();
        let temperature = tokio::task::spawn_blocking(read).await.map_err(failed)?.map_err(failed)?;
        Ok(temperature.degrees())
    }
}

fn failed(error: impl std::fmt::Display) -> zbus::fdo::Error {
    zbus::fdo::Error::Failed(error.to_string())
}
