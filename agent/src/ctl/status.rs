//! `tayberryctl status`: slots, health, and how long the boot took.

use std::fmt::Write as _;

use serde::Serialize;
use tayberry_core::request::Request;
use tayberry_core::request::status::{Health, Status as Device};

use super::{CtlError, ask};
use crate::service::client::AgentProxy;

/// What is shown.
#[derive(Debug, Serialize)]
pub struct Status {
    version: String,
    booted_slot: String,
    default_slot: String,
    trial: bool,
    state: String,
    disk: String,
    root_hash: String,
    boot_stages: Vec<(String, u64)>,
    /// Degrees Celsius; none where nothing measures it.
    soc_temperature: Option<f64>,
    device: Device,
}

/// Asks.
///
/// # Errors
/// When the agent does not answer.
pub async fn look(agent: &AgentProxy<'_>) -> Result<Status, CtlError> {
    let device: Device = ask(agent, &Request::Status).await?;
    Ok(Status {
        version: agent.version().await?,
        booted_slot: agent.booted_slot().await?,
        default_slot: agent.default_slot().await?,
        trial: agent.trial().await?,
        state: agent.state().await?,
        disk: agent.disk().await?,
        root_hash: agent.root_hash().await?,
        boot_stages: agent.boot_stages().await?,
        soc_temperature: device.temperature_c,
        device,
    })
}

/// For people.
#[must_use]
pub fn words(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{name:13} {value}").unwrap_or_default();
    };
    let device = &status.device;
    line("name", &format!("{}.local", device.name));
    line("version", &status.version);
    line("slot", &format!("{} ({}), next boot {}", status.booted_slot, status.state, status.default_slot));
    line("health", if device.health == Health::Good { "good" } else { "look at the notices" });
    device.notices.iter().for_each(|notice| line("notice", notice));
    device.addresses.iter().for_each(|address| line("address", &address.to_string()));
    line("disk", &status.disk);
    line("root hash", &status.root_hash);
    if let Some(degrees) = status.soc_temperature {
        line("temperature", &format!("{degrees:.1} °C"));
    }
    for (name, length) in &status.boot_stages {
        line(&format!("boot {name}"), &format!("{length:6} ms"));
    }
    text
}
