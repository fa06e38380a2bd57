//! Large bodies: each streams through a pipe to the agent, and nothing of it is kept here.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use nix::fcntl::FcntlArg;
use serde::de::DeserializeOwned;
use tayberry_core::request::Delivery;
use tayberry_core::request::problem::{Kind, Problem};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use super::Asking;
use crate::agent::hand_over;

/// Bytes that wait for the agent at most (fcntl(2), F_SETPIPE_SZ; pipe(7) lets everybody ask for 1 MiB).
const PIPE: i32 = 1 << 20;

/// How long a client may send nothing.
const SILENCE: Duration = Duration::from_secs(180);

/// How long the rest of a body is read and thrown away, once there is an answer.
const REST: Duration = Duration::from_secs(120);

/// How long the body is, in bytes.
///
/// # Errors
/// When the client does not say.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, Problem> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.ok_or_else(|| Problem::new(Kind::BadRequest, "The header Content-Length is missing."))
}

/// Hands a body to the agent, and answers what that answers.
///
/// # Errors
/// As the agent says.
pub(super) async fn hand_in<T: DeserializeOwned>(
    asking: &Asking,
    body: axum::body::Body,
    delivery: Delivery,
) -> Result<T, Problem> {
    let failed = |error: std::io::Error| Problem::new(Kind::Failed, error.to_string());
    let (writer, reader) = pipe::pipe().map_err(failed)?;
    // Whatever the limit of the system is, a smaller pipe works as well, only slower.
    if let Err(errno) = nix::fcntl::fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE)) {
        tracing::debug!("a pipe of {PIPE} bytes: {errno}");
    }
    let reader = reader.into_blocking_fd().map_err(failed)?;
    let mut body = body.into_data_stream();
    let answer = hand_over(&asking.app.agent, &asking.caller, &delivery, reader);
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
    answer
}

/// Moves the body into the pipe. Whoever hears of an end that came too early is the agent, which knows how much is missing.
async fn pump(body: &mut BodyDataStream, mut pipe: pipe::Sender) {
    // Whoever falls asleep meanwhile must not keep others from it.
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, body.next()).await {
        if let Err(error) = pipe.write_all(&piece).await {
            tracing::debug!("the agent reads no further: {error}");
            return;
        }
    }
}
