//! Updates. A bundle streams through a pipe to the agent: nothing of it is kept here.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use serde::Deserialize;
use tayberry_core::request::update::{InstallWish, Piece, RestartWish, Updates};
use tayberry_core::request::{Delivery, Request};
use utoipa::IntoParams;

use super::body::Body;
use super::upload;
use super::{Asking, Problems, Refusal};

/// How often a page that looks on is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// How a bundle is handed in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The bundle's byte that the body begins with: what the status says when an upload broke off.
    #[serde(default)]
    offset: u64,
    /// Try a version once more that did not stay.
    #[serde(default)]
    again: bool,
}

/// How an update is to run.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    /// Restart the device, even if services could go on.
    #[serde(default)]
    reboot: bool,
}

impl From<Restart> for RestartWish {
    fn from(wish: Restart) -> Self {
        Self { reboot: wish.reboot }
    }
}

/// Where updates are.
#[utoipa::path(get, path = "/updates", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn updates(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::Updates).await?))
}

/// Takes a bundle, and answers when it is written and read back, or refused. A body that breaks off is waited for: another
/// request goes on with the rest.
#[utoipa::path(post, path = "/updates", tag = "updates", params(Upload), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Updates), Problems))]
pub(super) async fn upload(
    asking: Asking,
    Query(wish): Query<Upload>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Updates>, Refusal> {
    let length = upload::length(&headers)?;
    let piece = Piece { offset: wish.offset, bytes: wish.offset.saturating_add(length), again: wish.again };
    Ok(Json(upload::hand_in(&asking, body, Delivery::Update(piece)).await?))
}

/// Stops the update that is under way, until its restart has begun.
#[utoipa::path(delete, path = "/updates", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn cancel(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::CancelUpdate).await?))
}

/// Has the update run that was written: live if its plan says so, else by a restart.
#[utoipa::path(post, path = "/updates/restart", tag = "updates", params(Restart), responses((status = 200, body = Updates), Problems))]
pub(super) async fn restart(asking: Asking, Query(wish): Query<Restart>) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::RestartIntoUpdate(wish.into())).await?))
}

/// Asks the repository what it offers.
#[utoipa::path(post, path = "/updates/check", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn check(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::CheckForUpdate).await?))
}

/// Fetches and writes what the repository offers. Answers when that has begun; the status says how far it is.
#[utoipa::path(post, path = "/updates/install", tag = "updates", request_body = InstallWish, responses((status = 200, body = Updates), Problems))]
pub(super) async fn install(asking: Asking, Body(wish): Body<InstallWish>) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::InstallUpdate(wish)).await?))
}

/// Goes back to the system that ran before, if it is whole: live if nothing else changed, else by a restart.
#[utoipa::path(post, path = "/updates/rollback", tag = "updates", params(Restart), responses((status = 200, body = Updates), Problems))]
pub(super) async fn roll_back(asking: Asking, Query(wish): Query<Restart>) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::RollBack(wish.into())).await?))
}

/// Where updates are, every second, as server-sent events named `updates`. Ends with the session.
#[utoipa::path(get, path = "/updates/events", tag = "updates", responses((status = 200, body = String, content_type = "text/event-stream"), Problems))]
pub(super) async fn events(
    asking: Asking,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    super::status::told::<Updates>(asking, Request::Updates, "updates", INTERVAL).await
}
