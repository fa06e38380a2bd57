//! Tells whoever listens on the bus how far an update is.

use std::convert::Infallible;
use std::time::Duration;

use zbus::object_server::InterfaceRef;

use super::Handle;
use crate::service::Agent;

/// The least time between two signals: a job moves thousands of chunks.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends `PropertiesChanged` for `Updates` after every change.
pub async fn tell(updates: &Handle, agent: &InterfaceRef<Agent>) -> Infallible {
    let mut changes = updates.watch();
    loop {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let object = agent.get().await;
        if let Err(error) = object.updates_changed(agent.signal_emitter()).await {
            tracing::warn!("nobody can be told of the update: {error}");
        }
        drop(object);
        tokio::time::sleep(PAUSE).await;
    }
}
