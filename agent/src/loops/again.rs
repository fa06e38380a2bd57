//! What every loop does that follows something which may not be there yet: it tries again, and says each reason once.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

/// How long to wait: drivers may come later than the agent.
const PAUSE: Duration = Duration::from_secs(10);

/// Follows `what`, for ever.
pub async fn follow<E: Display>(
    what: &str,
    mut follow: impl AsyncFnMut() -> Result<Infallible, E>,
) -> Infallible {
    let mut said = String::new();
    loop {
        let Err(error) = follow().await;
        let now = error.to_string();
        if now != said {
            tracing::warn!("{what}: {now}");
            said = now;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
