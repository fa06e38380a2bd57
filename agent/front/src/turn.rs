//! Whose turn the ports 80 and 443 are: the gateway's while the agent says that it serves, else ours. Nobody is refused in between:
//! who connects waits until one of the two takes the connection.

use std::convert::Infallible;

use futures_util::StreamExt;
use tokio::sync::watch;

use crate::agent::AgentProxy;

/// One port's view of it.
#[derive(Debug, Clone)]
pub(crate) struct Turn(Option<watch::Receiver<bool>>);

impl Turn {
    /// A port that is always ours.
    pub(crate) const fn always() -> Self {
        Self(None)
    }

    /// A port that is ours while `gateway` says false.
    pub(crate) const fn unless(gateway: watch::Receiver<bool>) -> Self {
        Self(Some(gateway))
    }

    /// Waits until it is our turn.
    pub(crate) async fn ours(&mut self) {
        self.until(false).await;
    }

    /// Waits until it is the gateway's.
    pub(crate) async fn theirs(&mut self) {
        match self.0 {
            Some(_) => self.until(true).await,
            None => std::future::pending().await,
        }
    }

    async fn until(&mut self, gateway: bool) {
        if let Some(turn) = &mut self.0
            && turn.wait_for(|now| *now == gateway).await.is_err()
        {
            // Whoever would say so is gone, and with it the process.
            std::future::pending::<()>().await;
        }
    }
}

/// Follows what the agent says.
pub(crate) async fn follow(agent: &AgentProxy<'_>, gateway: &watch::Sender<bool>) -> Infallible {
    let mut changes = agent.receive_gateway_changed().await;
    loop {
        // In rescue there is no gateway, and nobody to ask.
        let serves = agent.gateway().await.unwrap_or(false);
        if gateway.send_replace(serves) != serves {
            tracing::info!("ports 80 and 443 are {}", if serves { "the gateway's" } else { "the front's" });
        }
        if changes.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
