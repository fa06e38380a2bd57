//! The status: once, or as it changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use tayberry_core::request::Request;
use tayberry_core::request::status::Status;

use super::{Asking, Problems, Refusal};

/// How often a page that looks on is told.
const INTERVAL: Duration = Duration::from_secs(2);

/// The device at this moment.
#[utoipa::path(get, path = "/status", tag = "status", responses((status = 200, body = Status), Problems))]
pub(super) async fn status(asking: Asking) -> Result<Json<Status>, Refusal> {
    Ok(Json(asking.ask(Request::Status).await?))
}

/// The device every two seconds, as server-sent events named `status`. Ends with the session.
#[utoipa::path(get, path = "/status/events", tag = "status", responses((status = 200, body = String, content_type = "text/event-stream"), Problems))]
pub(super) async fn events(
    asking: Asking,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let first: Status = asking.ask(Request::Status).await?;
    let events = stream::unfold((asking, Some(first)), |(asking, ready)| async move {
        let status = match ready {
            Some(status) => status,
            None => {
                tokio::time::sleep(INTERVAL).await;
                asking.ask::<Status>(Request::Status).await.ok()?
            }
        };
        let event = Event::default().event("status").json_data(&status).ok()?;
        Some((Ok(event), (asking, None)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
