//! Keeps the screen and the serial console up to date: name, address, state, and the claim of a device without an owner.

use std::convert::Infallible;

use tayberry_core::card::Card;
use tayberry_core::console::{Screen, render};
use tayberry_core::status::State;

use crate::device::console;
use crate::keeper::Keeper;
use crate::loops::network::Handle;
use crate::service::Status;

/// Shows the screen whenever it changes.
pub async fn run(
    status: &Status,
    notices: &[String],
    keeper: &Keeper,
    fingerprint: &str,
    networks: &Handle,
) -> Infallible {
    let mut shown = String::new();
    let mut changes = networks.changes();
    loop {
        let (addresses, state) = (networks.addresses(), keeper.get());
        // A neighbour may have the device's own name.
        let name = networks.name();
        let setup_network = networks.setup_network();
        let text = render(&Screen {
            name: &name,
            version: crate::device::system::version(),
            slot: status.start.running,
            state: State::derive(status.facts()),
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
        changes.next().await;
    }
}
