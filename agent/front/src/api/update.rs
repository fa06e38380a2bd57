//! Updates. A bundle streams through a pipe to the agent: nothing of it is kept here.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::BodyDataStream;
use axum::extract::Query;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use futures_util::{Stream, StreamExt};
use nix::fcntl::FcntlArg;
use serde::Deserialize;
use tayberry_core::request::Request;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{InstallWish, Piece, Updates};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use utoipa::IntoParams;

use super::body::Body;
use super::{Asking, Problems, Refusal};
use crate::agent::hand_over;

/// Bytes that wait for the agent at most (fcntl(2), F_SETPIPE_SZ; pipe(7) lets everybody ask for 1 MiB).
const PIPE: i32 = 1 << 20;

/// How long the rest of a body is read and thrown away, once there is an answer.
const REST: Duration = Duration::from_secs(120);

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
    Query(upload): Query<Upload>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Updates>, Refusal> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length =
        length.ok_or_else(|| Problem::new(Kind::BadRequest, "The header Content-Length is missing."))?;
    let piece =
        Piece { offset: upload.offset, bytes: upload.offset.saturating_add(length), again: upload.again };
    let failed = |error: std::io::Error| Problem::new(Kind::Failed, error.to_string());
    let (writer, reader) = pipe::pipe().map_err(failed)?;
    // Whatever the limit of the system is, a smaller pipe works as well, only slower.
    if let Err(errno) = nix::fcntl::fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE)) {
        tracing::debug!("a pipe of {PIPE} bytes: {errno}");
    }
    let reader = reader.into_blocking_fd().map_err(failed)?;
    let mut body = body.into_data_stream();
    let answer = hand_over(&asking.app.agent, &asking.caller, piece, reader);
    let pumped = async {
        pump(&mut body, writer).await;
        // The answer is the agent's alone.
        std::future::pending().await
    };
    let answer = tokio::select! {
        answer = answer => answer,
        never = pumped => never,
    };
    // Clients that are still sending do not see an answer before they are through (curl 7.88, browsers).
    let rest = async { while let Some(Ok(_)) = body.next().await {} };
    if tokio::time::timeout(REST, rest).await.is_err() {
        tracing::debug!("a client went on sending after it was refused");
    }
    Ok(Json(answer?))
}

/// Moves the body into the pipe. Whoever hears of an end that came too early is the agent, which knows how much is missing.
async fn pump(body: &mut BodyDataStream, mut pipe: pipe::Sender) {
    while let Some(Ok(piece)) = body.next().await {
        if let Err(error) = pipe.write_all(&piece).await {
            tracing::debug!("the agent reads no further: {error}");
            return;
        }
    }
}

/// Stops the update that is under way, until its restart has begun.
#[utoipa::path(delete, path = "/updates", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn cancel(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::CancelUpdate).await?))
}

/// Restarts into the update that was written.
#[utoipa::path(post, path = "/updates/restart", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn restart(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::RestartIntoUpdate).await?))
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

/// Restarts into the system that ran before, if it is whole.
#[utoipa::path(post, path = "/updates/rollback", tag = "updates", responses((status = 200, body = Updates), Problems))]
pub(super) async fn roll_back(asking: Asking) -> Result<Json<Updates>, Refusal> {
    Ok(Json(asking.ask(Request::RollBack).await?))
}

/// Where updates are, every second, as server-sent events named `updates`. Ends with the session.
#[utoipa::path(get, path = "/updates/events", tag = "updates", responses((status = 200, body = String, content_type = "text/event-stream"), Problems))]
pub(super) async fn events(
    asking: Asking,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    super::status::told::<Updates>(asking, Request::Updates, "updates", INTERVAL).await
}
