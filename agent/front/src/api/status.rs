//! The status: once, or as it changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
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
    told::<Status>(asking, Request::Status, "status", INTERVAL).await
}

/// Asks the same question again and again, and sends each answer as an event called `name`.
///
/// # Errors
/// When the first answer is none.
pub(super) async fn told<T: DeserializeOwned + Serialize + Send + 'static>(
    asking: Asking,
    request: Request,
    name: &'static str,
    interval: Duration,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let first: T = asking.ask(request.clone()).await?;
    let events = stream::unfold((asking, request, Some(first)), move |(asking, request, ready)| async move {
        let answer = match ready {
            Some(answer) => answer,
            None => {
                tokio::time::sleep(interval).await;
                asking.ask::<T>(request.clone()).await.ok()?
            }
        };
        let event = Event::default().event(name).json_data(&answer).ok()?;
        Some((Ok(event), (asking, request, None)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
