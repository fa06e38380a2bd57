//! Gives the gateway a certificate, and tells the front when its own no longer fits: other names or addresses, the time is known now, or it ends soon.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::certificate::Leaf;
use zbus::object_server::InterfaceRef;

use crate::desk::Desk;
use crate::loops::network::Handle;
use crate::loops::stack;
use crate::service::Agent;

/// How often the clock is looked at, and the front told again, should it not have asked.
const INTERVAL: Duration = Duration::from_secs(15);

/// Tells it.
pub async fn run(
    desk: &Desk,
    agent: &InterfaceRef<Agent>,
    networks: &Handle,
    stack: &stack::Handle,
) -> Infallible {
    let mut changes = networks.changes();
    let mut gateways = None;
    loop {
        certify_gateway(desk, stack, &mut gateways).await;
        if desk.must_certify() {
            tell(agent).await;
        }
        tokio::select! {
            () = changes.next() => {}
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

async fn tell(agent: &InterfaceRef<Agent>) {
    // Only to read: a request that takes minutes holds the object, and would keep all others out behind a writer.
    let object = agent.get().await;
    object.another_certificate();
    if let Err(error) = object.certificates_changed(agent.signal_emitter()).await {
        tracing::warn!("the front cannot be told of its certificate: {error}");
    }
}
