//! The end of the service: whoever holds a connection open is told, and awaited.

use std::time::Duration;

use tokio::sync::watch;

/// How long those who were told may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// Over which they are told: all who connect again at once would wait for each other.
const SPREAD: Duration = Duration::from_millis(2500);

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(watch::Sender<bool>);

/// Somebody who is told; awaited until dropped.
#[derive(Debug)]
pub(crate) struct Told(watch::Receiver<bool>);

impl Ending {
    pub(crate) fn listen(&self) -> Told {
        Told(self.0.subscribe())
    }

    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until all who were told have let go, or for [`PATIENCE`].
    pub(crate) async fn is_over(&self) {
        if tokio::time::timeout(PATIENCE, self.0.closed()).await.is_err() {
            tracing::warn!("some did not let go in time");
        }
    }
}

impl Told {
    /// The end has begun, and it is this one's turn. To be awaited once: what was waited so far is lost with the future.
    pub(crate) async fn begun(mut self) -> Self {
        // Without whoever would begin it, it has.
        drop(self.0.wait_for(|begun| *begun).await);
        let chance = getrandom::u32().unwrap_or_default();
        tokio::time::sleep(SPREAD.mul_f64(f64::from(chance) / f64::from(u32::MAX))).await;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_listens_is_told_and_awaited() {
        let ending = Ending::default();
        let told = ending.listen();
        let listener = tokio::spawn(async move { drop(told.begun().await) });
        ending.begin();
        drop(ending.listen().begun().await);
        ending.is_over().await;
        listener.await.unwrap();
    }
}
