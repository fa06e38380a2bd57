//! Tells whoever listens on the bus that the stack changes.

use std::convert::Infallible;

use zbus::object_server::InterfaceRef;

use super::Handle;
use crate::service::Agent;

/// Sends `PropertiesChanged` for `StackBusy` after every change.
pub async fn tell(stack: &Handle, agent: &InterfaceRef<Agent>) -> Infallible {
    let mut changes = stack.watch();
    loop {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let object = agent.get().await;
        if let Err(error) = object.stack_busy_changed(agent.signal_emitter()).await {
            tracing::warn!("nobody can be told of the stack: {error}");
        }
    }
}
