//! Rescue: what was found, the data as an archive, the way out, and the factory reset.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use tayberry_core::request::Request;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::rescue::{Erase, Rescue};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::{Asking, Problems, Refusal};
use crate::agent;

/// Bytes of the archive that are passed on at a time.
const PIECE: usize = 64 << 10;

/// What rescue found.
#[utoipa::path(get, path = "/rescue", tag = "rescue", responses((status = 200, body = Rescue), Problems))]
pub(super) async fn rescue(asking: Asking) -> Result<Json<Rescue>, Refusal> {
    Ok(Json(asking.ask(Request::Rescue).await?))
}

/// Leaves rescue: starts the default slot again.
#[utoipa::path(post, path = "/rescue/restart", tag = "rescue", responses((status = 204), Problems))]
pub(super) async fn restart(asking: Asking) -> Result<StatusCode, Refusal> {
    let () = asking.ask(Request::StartAgain).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Destroys all data: there is no way back. Whoever comes next takes the device anew.
#[utoipa::path(post, path = "/factory-reset", tag = "rescue", request_body = Erase, responses((status = 204), Problems))]
pub(super) async fn factory_reset(
    asking: Asking,
    super::body::Body(wish): super::body::Body<Erase>,
) -> Result<StatusCode, Refusal> {
    let () = asking.ask(Request::FactoryReset(wish)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything on the data partition as an archive (tar). A transfer that breaks off is not whole.
#[utoipa::path(get, path = "/rescue/export", tag = "rescue", responses((status = 200, body = Vec<u8>, content_type = "application/x-tar"), Problems))]
pub(super) async fn export(asking: Asking) -> Result<impl IntoResponse, Refusal> {
    // Says whether there is anything to export before the answer begins.
    let found: Rescue = asking.ask(Request::Rescue).await?;
    if let Some(why) = found.data_problem {
        return Err(Problem::new(Kind::Failed, why).into());
    }
    let failed = |error: std::io::Error| Problem::new(Kind::Failed, error.to_string());
    let (writer, reader) = pipe::pipe().map_err(failed)?;
    let writer = writer.into_blocking_fd().map_err(failed)?;
    let written = tokio::spawn(agent::export(asking.app.agent.clone(), asking.caller.clone(), writer));
    let name = format!("attachment; filename=\"{}-data.tar\"", found.name);
    let headers =
        [(header::CONTENT_TYPE, "application/x-tar".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(archive(reader, written))))
}

/// The archive. It ends with an error unless the agent says that it is whole: the other side must not take a part for everything.
fn archive(
    reader: pipe::Receiver,
    written: tokio::task::JoinHandle<Result<(), Problem>>,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    try_unfold(Some((reader, written)), async |state| {
        let Some((mut reader, written)) = state else { return Ok(None) };
        let mut piece = vec![0; PIECE];
        let read = reader.read(&mut piece).await?;
        if read > 0 {
            piece.truncate(read);
            return Ok(Some((Bytes::from(piece), Some((reader, written)))));
        }
        match written.await.map_err(std::io::Error::other)? {
            Ok(()) => Ok(None),
            Err(problem) => Err(std::io::Error::other(problem.detail.unwrap_or(problem.title))),
        }
    })
}
