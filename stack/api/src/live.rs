//! What happens, to everybody who looks: from Redis to the pages. Whoever misses something reads it in the audit log.

use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncCommands;
use tokio::sync::broadcast;

use crate::sessions::Sessions;

/// The channel of Redis.
const CHANNEL: &str = "live";
/// Events that a slow reader may be behind.
const BEHIND: usize = 64;
/// How long to wait before Redis is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Events as JSON; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Live(broadcast::Sender<String>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

impl Live {
    /// From now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<String> {
        self.0.subscribe()
    }

    /// Follows Redis, for as long as the process lives.
    pub(crate) async fn follow(self, client: redis::Client) {
        loop {
            if let Err(error) = self.once(&client).await {
                tracing::warn!("live events: {error}");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn once(&self, client: &redis::Client) -> Result<(), redis::RedisError> {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        let mut events = subscription.on_message();
        while let Some(event) = events.next().await {
            // Nobody looks: that is no error.
            drop(self.0.send(event.get_payload()?));
        }
        Ok(())
    }
}

/// Tells everybody. What cannot be told now stands in the audit log.
pub(crate) async fn tell(sessions: &Sessions, event: &str) {
    let told = async { sessions.redis().await?.publish::<_, _, ()>(CHANNEL, event).await };
    if let Err(error) = told.await {
        tracing::warn!("nobody was told: {error}");
    }
}
