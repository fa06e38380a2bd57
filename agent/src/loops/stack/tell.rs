//! Tells whoever listens on the bus that the stack changes.

use std::convert::Infallible;

use zbus::object_server::InterfaceRef;

use super::Handle;
use crate::service::Agent;

/// Sends `PropertiesChanged` for `StackBusy` and `Gateway` after every change.
pub async fn tell(stack: &Handle, agent: &InterfaceRef<Agent>) -> Infallible {
    let (mut changes, mut gateway) = (stack.watch(), stack.watch_gateway());
    loop {
        let is_gateway = tokio::select! {
            changed = changes.changed() => changed.map(|()| false),
            changed = gateway.changed() => changed.map(|()| true),
        };
        let Ok(is_gateway) = is_gateway else { return std::future::pending().await };
        let object = agent.get().await;
        let emitter = agent.signal_emitter();
        let told = if is_gateway {
            object.gateway_changed(emitter).await
        } else {
            object.stack_busy_changed(emitter).await
        };
        if let Err(error) = told {
            tracing::warn!("nobody can be told of the stack: {error}");
        }
    }
}
