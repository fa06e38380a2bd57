//! `tayberryctl network`: interfaces, and the wireless networks in reach.

use std::fmt::Write as _;

use tayberry_core::request::Request;
use tayberry_core::request::network::Network;

use super::{CtlError, ask};
use crate::service::client::AgentProxy;

/// Asks.
///
/// # Errors
/// When the agent does not answer.
pub async fn look(agent: &AgentProxy<'_>) -> Result<Network, CtlError> {
    ask(agent, &Request::Network).await
}

/// For people.
#[must_use]
pub fn words(network: &Network) -> String {
    let mut text = String::new();
    for interface in &network.interfaces {
        let state = if interface.connected { "connected" } else { "not connected" };
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        // Writing to a String cannot fail.
        writeln!(text, "{:13} {state} {}", interface.name, addresses.join(" ")).unwrap_or_default();
    }
    for wifi in &network.wifi {
        let joined = if wifi.joined { " (joined)" } else { "" };
        writeln!(text, "Wi-Fi {:3} %   {}{joined}", wifi.strength, wifi.ssid.as_ref()).unwrap_or_default();
    }
    text
}
