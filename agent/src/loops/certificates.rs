//! Tells the front when its certificate no longer fits: other names or addresses, the time is known now, or it ends soon.

use std::convert::Infallible;
use std::time::Duration;

use zbus::object_server::InterfaceRef;

use crate::desk::Desk;
use crate::service::Agent;

/// How often names, addresses and the time are looked at.
const INTERVAL: Duration = Duration::from_secs(2);
/// So many intervals later the front is told again, should it not have asked.
const AGAIN: u32 = 15;

/// Tells it.
pub async fn run(desk: &Desk, agent: &InterfaceRef<Agent>) -> Infallible {
    let mut waiting = 0;
    loop {
        if desk.must_certify() {
            if waiting % AGAIN == 0 {
                tell(agent).await;
            }
            waiting += 1;
        } else {
            waiting = 0;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn tell(agent: &InterfaceRef<Agent>) {
    let mut object = agent.get_mut().await;
    object.another_certificate();
    if let Err(error) = object.certificates_changed(agent.signal_emitter()).await {
        tracing::warn!("the front cannot be told of its certificate: {error}");
    }
}
