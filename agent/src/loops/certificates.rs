//! Tells the front when its certificate no longer fits: other names or addresses, the time is known now, or it ends soon.

use std::convert::Infallible;
use std::time::Duration;

use zbus::object_server::InterfaceRef;

use crate::desk::Desk;
use crate::loops::network::Handle;
use crate::service::Agent;

/// How often the clock is looked at, and the front told again, should it not have asked.
const INTERVAL: Duration = Duration::from_secs(15);

/// Tells it.
pub async fn run(desk: &Desk, agent: &InterfaceRef<Agent>, networks: &Handle) -> Infallible {
    let mut changes = networks.changes();
    loop {
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

async fn tell(agent: &InterfaceRef<Agent>) {
    // Only to read: a request that takes minutes holds the object, and would keep all others out behind a writer.
    let object = agent.get().await;
    object.another_certificate();
    if let Err(error) = object.certificates_changed(agent.signal_emitter()).await {
        tracing::warn!("the front cannot be told of its certificate: {error}");
    }
}
