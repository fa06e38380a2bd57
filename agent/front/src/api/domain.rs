//! The owner's domain.

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tayberry_core::request::Request;
use tayberry_core::request::domain::{DomainAct, DomainState, DomainWish, WhichProof};

use super::body::Body;
use super::{Asking, Problems, Refusal};
use crate::App;
use crate::connection::Ends;

/// Where an authority looks (RFC 8555, section 8.3).
pub(crate) const PROOF: &str = "/.well-known/acme-challenge/{token}";
/// Longest token that is asked for, in bytes; an authority's has some forty.
const LONGEST: usize = 256;

/// The owner's domain and its certificate.
#[utoipa::path(get, path = "/domain", tag = "domain", responses((status = 200, body = DomainState), Problems))]
pub(super) async fn domain(asking: Asking) -> Result<Json<DomainState>, Refusal> {
    Ok(Json(asking.ask(Request::Domain(DomainAct::Look)).await?))
}

/// Wishes a domain; its certificate is asked for at once.
#[utoipa::path(put, path = "/domain", tag = "domain", request_body = DomainWish, responses((status = 202, body = DomainState), Problems))]
pub(super) async fn wish(
    asking: Asking,
    Body(wish): Body<DomainWish>,
) -> Result<(StatusCode, Json<DomainState>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(asking.ask(Request::Domain(DomainAct::Wish(Box::new(wish)))).await?)))
}

/// No domain any more.
#[utoipa::path(delete, path = "/domain", tag = "domain", responses((status = 200, body = DomainState), Problems))]
pub(super) async fn forget(asking: Asking) -> Result<Json<DomainState>, Refusal> {
    Ok(Json(asking.ask(Request::Domain(DomainAct::Forget)).await?))
}

/// Asks for the certificate now.
#[utoipa::path(post, path = "/domain/try", tag = "domain", responses((status = 202, body = DomainState), Problems))]
pub(super) async fn try_now(asking: Asking) -> Result<(StatusCode, Json<DomainState>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(asking.ask(Request::Domain(DomainAct::Try)).await?)))
}

/// What an authority finds that looks whether the domain leads here.
pub(crate) fn proof() -> MethodRouter<App> {
    get(shown)
}

async fn shown(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Path(token): Path<String>,
) -> Response {
    if token.len() > LONGEST {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Asking::ask_anew::<String>(ends, &app, Request::DomainProof(WhichProof { token })).await {
        Ok(answer) => answer.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
