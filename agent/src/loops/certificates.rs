//! Gives the gateway its certificates, and tells the front when its own no longer fit: other names or addresses, the time is known now,
//! one ends soon, or there is another for the owner's domain.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::certificate::Leaf;
use zbus::object_server::InterfaceRef;

use crate::desk::{Desk, Loops};
use crate::loops::stack;
use crate::service::Agent;

/// How often the clock is looked at, and the front told again, should it not have asked.
const INTERVAL: Duration = Duration::from_secs(15);

/// Tells it.
pub async fn run(desk: &Desk, agent: &InterfaceRef<Agent>, loops: &Loops) -> Infallible {
    let mut changes = loops.network.changes();
    let mut domain = loops.domain.watch();
    let (mut gateways, mut given, mut another_domain) = (None, false, false);
    loop {
        // First: a gateway starts once it has a certificate, and then with all that there are.
        if !given || another_domain {
            given = give_domain(loops).await;
        }
        certify_gateway(desk, &loops.stack, &mut gateways).await;
        if desk.must_certify() || another_domain {
            tell(agent).await;
        }
        another_domain = false;
        tokio::select! {
            () = changes.next() => {}
            changed = domain.changed() => another_domain = changed.is_ok(),
            () = desk.time_changed() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// What does not work is tried again.
async fn certify_gateway(desk: &Desk, stack: &stack::Handle, held: &mut Option<Leaf>) {
    let given = match desk.certify_gateway(held) {
        Ok(None) => return,
        Ok(Some(certified)) => stack.certify_gateway(&certified).await,
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = given {
        tracing::warn!("the gateway's certificate: {error}");
        *held = None;
    }
}

/// Whether the gateway has what is held for the domain.
async fn give_domain(loops: &Loops) -> bool {
    let held = loops.domain.certificate();
    let given = loops.stack.give_domain(held.as_deref()).await;
    given.map_err(|error| tracing::warn!("the gateway's domain: {error}")).is_ok()
}

async fn tell(agent: &InterfaceRef<Agent>) {
    // Only to read: a request that takes minutes holds the object, and would keep all others out behind a writer.
    let object = agent.get().await;
    object.another_certificate();
    if let Err(error) = object.certificates_changed(agent.signal_emitter()).await {
        tracing::warn!("the front cannot be told of its certificate: {error}");
    }
}
