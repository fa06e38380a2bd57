//! The door: while something that the service depends on is replaced, requests wait here and are served by what comes after it. SIGUSR1
//! closes it, SIGUSR2 says that the other is back (docs/operating/stack.md, `hold`).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::App;
use crate::problem::Problem;

/// How long those inside may take before whoever closed the door goes on without them.
const LEAVING: Duration = Duration::from_secs(3);
/// How long the door stays closed at most when nobody says that it may open.
const CLOSED: Duration = Duration::from_secs(120);
/// How long a request waits.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what is back may take until it answers, and how often it is asked.
const BACK: Duration = Duration::from_secs(30);
/// As above.
const AGAIN: Duration = Duration::from_millis(250);

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door {
    is_closed: watch::Sender<bool>,
    inside: watch::Sender<usize>,
}

/// Somebody inside, until dropped.
#[derive(Debug)]
struct Guest(watch::Sender<usize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.send_modify(|inside| *inside = inside.saturating_sub(1));
    }
}

impl Door {
    /// Waits until it is open.
    async fn enter(&self) -> Result<Guest, Problem> {
        let mut is_closed = self.is_closed.subscribe();
        let opened = timeout(PATIENCE, is_closed.wait_for(|is_closed| !is_closed)).await;
        if opened.is_err() {
            return Err(Problem::away("What this service depends on", &"it is being replaced"));
        }
        self.inside.send_modify(|inside| *inside += 1);
        Ok(Guest(self.inside.clone()))
    }

    /// Lets nobody in, and waits until all have left. False when some have not in time.
    async fn close(&self) -> bool {
        self.is_closed.send_replace(true);
        let mut inside = self.inside.subscribe();
        timeout(LEAVING, inside.wait_for(|inside| *inside == 0)).await.is_ok()
    }

    fn open(&self) {
        self.is_closed.send_replace(false);
    }
}

/// Every request but those that ask whether the service lives.
pub(crate) async fn pass(
    State(door): State<Door>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let _guest = if request.uri().path() == "/api/health" { None } else { Some(door.enter().await?) };
    Ok(next.run(request).await)
}

/// Follows the signals, for as long as the process lives.
///
/// # Errors
/// When signals cannot be listened to.
pub(crate) async fn follow(app: App) -> std::io::Result<()> {
    let mut hold = signal(SignalKind::user_defined1())?;
    let mut go_on = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            told = hold.recv() => if told.is_none() { return Ok(()) },
            // Late, after the door opened by itself: the next time it is closed nobody has said this yet.
            _ = go_on.recv() => continue,
        }
        if !app.door.close().await {
            tracing::warn!("some requests were not answered before the door was closed");
        }
        tracing::info!("requests wait");
        let answers = || async {
            while !crate::routes::answers(&app).await {
                tokio::time::sleep(AGAIN).await;
            }
        };
        while is_held_anew(&mut hold, &mut go_on, answers()).await {}
        app.door.open();
        tracing::info!("requests are taken");
    }
}

/// Waits until somebody says that the door may open, and what was replaced `answers`. True when something else is about to be replaced by
/// then: the newest word counts.
async fn is_held_anew(hold: &mut Signal, go_on: &mut Signal, answers: impl Future<Output = ()>) -> bool {
    let told = async {
        loop {
            tokio::select! {
                _ = go_on.recv() => return,
                // Said twice, by an agent that was started anew: it is closed.
                _ = hold.recv() => {}
            }
        }
    };
    if timeout(CLOSED, told).await.is_err() {
        tracing::warn!("nobody said that the door may open");
    }
    // What is left of connections to the one before would be noticed by the first question: that is one of ours.
    tokio::select! {
        answered = timeout(BACK, answers) => {
            if answered.is_err() {
                tracing::warn!("what was replaced does not answer");
            }
            false
        }
        _ = hold.recv() => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_wait_at_a_closed_door() {
        let door = Door::default();
        let inside = door.enter().await.unwrap();
        let closing = tokio::spawn({
            let door = door.clone();
            async move { door.close().await }
        });
        tokio::task::yield_now().await;
        let waiting = tokio::spawn({
            let door = door.clone();
            async move { door.enter().await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished() && !waiting.is_finished());
        drop(inside);
        assert!(closing.await.unwrap());
        assert!(!waiting.is_finished());
        door.open();
        assert!(waiting.await.unwrap());
    }
}
