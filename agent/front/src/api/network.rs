//! Networks, and changes on trial.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use tayberry_core::request::Request;
use tayberry_core::request::network::{Confirmation, Network, WifiChoice};

use super::body::Body;
use super::{Asking, Problems, Refusal};
use crate::App;
use crate::connection::Ends;

/// Interfaces, and the wireless networks in reach.
#[utoipa::path(get, path = "/network", tag = "network", responses((status = 200, body = Network), Problems))]
pub(super) async fn network(asking: Asking) -> Result<Json<Network>, Refusal> {
    Ok(Json(asking.ask(Request::Network).await?))
}

/// Joins a wireless network, on trial.
#[utoipa::path(post, path = "/network/wifi", tag = "network", request_body = WifiChoice, responses((status = 202, body = Network), Problems))]
pub(super) async fn join(
    asking: Asking,
    Body(choice): Body<WifiChoice>,
) -> Result<(StatusCode, Json<Network>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(asking.ask(Request::JoinWifi(choice)).await?)))
}

/// Leaves the wireless network, on trial.
#[utoipa::path(delete, path = "/network/wifi", tag = "network", responses((status = 202, body = Network), Problems))]
pub(super) async fn leave(asking: Asking) -> Result<(StatusCode, Json<Network>), Refusal> {
    Ok((StatusCode::ACCEPTED, Json(asking.ask(Request::LeaveWifi).await?)))
}

/// Keeps the change: asked over the new network, with the trial's id instead of a session, because the browser may know
/// the device by another address now.
#[utoipa::path(post, path = "/network/confirm", tag = "network", request_body = Confirmation, responses((status = 204), Problems))]
pub(super) async fn confirm(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Body(confirmation): Body<Confirmation>,
) -> Response {
    let asked = Asking::ask_anew::<()>(ends, &app, Request::ConfirmNetwork(confirmation)).await;
    let mut response = match asked {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What a browser asks before it lets another origin's page confirm (Fetch, CORS-preflight).
pub(super) async fn preflight() -> (StatusCode, [(HeaderName, &'static str); 3]) {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
    ];
    (StatusCode::NO_CONTENT, headers)
}
