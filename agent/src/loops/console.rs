//! Keeps the screen and the serial console up to date: name, address, state.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::console::{Screen, render};
use tayberry_core::status::State;

use crate::device::{console, network};
use crate::service::Status;

/// How often addresses are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Shows the screen whenever it changes.
pub async fn run(status: Status, notices: Vec<String>) -> Infallible {
    let mut shown = String::new();
    loop {
        let addresses = network::addresses();
        let text = render(&Screen {
            name: &network::name(),
            version: crate::VERSION,
            slot: status.facts.running,
            state: State::derive(status.facts),
            addresses: &addresses,
            notices: &notices,
        });
        if text != shown {
            if let Err(error) = console::show(&text) {
                tracing::warn!("console: {error}");
            }
            shown = text;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
