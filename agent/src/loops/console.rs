//! Keeps the screen and the serial console up to date: name, address, state, and the claim of a device without an owner.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::card::Card;
use tayberry_core::console::{Screen, render};
use tayberry_core::status::State;

use crate::device::{console, network};
use crate::keeper::Keeper;
use crate::loops::network::Handle;
use crate::service::Status;

/// How often addresses are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Shows the screen whenever it changes.
pub async fn run(
    status: &Status,
    notices: &[String],
    keeper: &Keeper,
    fingerprint: &str,
    networks: &Handle,
) -> Infallible {
    let mut shown = String::new();
    loop {
        let (addresses, name, state) = (network::addresses(), network::name(), keeper.get());
        let setup_network = networks.setup_network();
        let text = render(&Screen {
            name: &name,
            version: crate::VERSION,
            slot: status.facts.running,
            state: State::derive(status.facts),
            addresses: &addresses,
            claim: state.claim.as_ref().map(|code| Card { name: &name, code, fingerprint }),
            setup_network: setup_network.as_ref(),
            notices,
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
