//! Whether the service lives, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;

/// What it needs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// The document database answers.
    database: bool,
    /// Redis answers.
    redis: bool,
}

/// The process lives. It says nothing about the databases: without them it has to live on, and say so.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200)))]
pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

/// Whether everything that it needs answers.
#[utoipa::path(get, path = "/ready", tag = "health", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Ready>) {
    let (database, redis) = tokio::join!(app.store.ping(), app.sessions.ping());
    let ready = Ready { database: database.is_ok(), redis: redis.is_ok() };
    let status = if ready.database && ready.redis { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready))
}
