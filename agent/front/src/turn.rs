//! Whose turn the ports 80 and 443 are: the gateway's while the agent says that it serves, else ours. Nobody is refused in between:
//! who connects waits until one of the two takes the connection. What the agent has not said yet is not guessed: a gateway outlasts it,
//! and this process, in a live update.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;

use crate::agent::{self, AgentProxy};

/// When an agent that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether the gateway serves, as far as it is known.
pub(crate) type Serves = Option<bool>;

/// One port's view of it.
#[derive(Debug, Clone)]
pub(crate) struct Turn(Option<watch::Receiver<Serves>>);

impl Turn {
    /// A port that is always ours.
    pub(crate) const fn always() -> Self {
        Self(None)
    }

    /// A port that is ours while `gateway` says false.
    pub(crate) const fn unless(gateway: watch::Receiver<Serves>) -> Self {
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
            && turn.wait_for(|now| *now == Some(gateway)).await.is_err()
        {
            // Whoever would say so is gone, and with it the process.
            std::future::pending::<()>().await;
        }
    }
}

/// Follows what the agent says. While it says nothing, what it said last holds.
pub(crate) async fn follow(agent: &AgentProxy<'_>, gateway: &watch::Sender<Serves>) -> Infallible {
    if agent::is_direct() {
        // In rescue there is no gateway, and nobody to ask.
        gateway.send_replace(Some(false));
        std::future::pending::<()>().await;
    }
    let mut changes = agent.receive_gateway_changed().await;
    loop {
        let Ok(serves) = agent.gateway().await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        if gateway.send_replace(Some(serves)) != Some(serves) {
            tracing::info!("ports 80 and 443 are {}", if serves { "the gateway's" } else { "the front's" });
        }
        if changes.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_not_known_is_nobodys_turn() {
        let (gateway, known) = watch::channel(None);
        let turn = |mut turn: Turn| (turn.clone().ours().now_or_never(), turn.theirs().now_or_never());
        let unless = Turn::unless(known);
        assert_eq!(turn(unless.clone()), (None, None));
        gateway.send_replace(Some(true));
        assert_eq!(turn(unless.clone()), (None, Some(())));
        gateway.send_replace(Some(false));
        assert_eq!(turn(unless), (Some(()), None));
        assert_eq!(turn(Turn::always()), (Some(()), None));
    }
}
