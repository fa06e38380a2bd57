//! Whether the service lives, and whether it can do its work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::App;
use crate::problem::Problem;
use crate::sessions::secret;

/// How long an answer counts: anybody may ask, and each look writes.
const FRESH: Duration = Duration::from_secs(2);

/// What it needs.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// What is written to the document database is read back.
    database: bool,
    /// The same of Redis.
    redis: bool,
}

/// The last look.
pub(crate) type LastLook = Arc<Mutex<Option<(Instant, Ready)>>>;

/// The process lives. It says nothing about the databases: without them it has to live on, and say so.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200)))]
pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

/// Whether everything that it needs keeps what it is given.
#[utoipa::path(get, path = "/ready", tag = "health", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub(super) async fn ready(State(app): State<App>) -> Result<(StatusCode, Json<Ready>), Problem> {
    // Whoever comes meanwhile waits for the same look.
    let mut last = app.last_look.lock().await;
    let ready = match *last {
        Some((at, ready)) if at.elapsed() < FRESH => ready,
        _ => {
            let ready = look(&app).await?;
            *last = Some((Instant::now(), ready));
            ready
        }
    };
    let status = if ready.database && ready.redis { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(ready)))
}

/// Whether a WebSocket can be opened: it is closed at once.
#[utoipa::path(get, path = "/ready/socket", tag = "health", responses((status = 101), (status = 400)))]
pub(super) async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(1).on_upgrade(|mut socket| async move {
        // The other end may be gone already.
        drop(socket.send(Message::Close(None)).await);
    })
}

/// The same now, whatever was seen last.
pub(crate) async fn answers(app: &App) -> bool {
    look(app).await.is_ok_and(|ready| ready.database && ready.redis)
}

async fn look(app: &App) -> Result<Ready, Problem> {
    let mark = secret()?;
    let (database, redis) = tokio::join!(app.store.probe(&mark), app.sessions.probe(&mark));
    Ok(Ready { database: keeps("the document database", database), redis: keeps("Redis", redis) })
}

fn keeps(what: &str, probed: Result<bool, impl std::fmt::Display>) -> bool {
    probed.unwrap_or_else(|error| {
        tracing::warn!("{what}: {error}");
        false
    })
}
