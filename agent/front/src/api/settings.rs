//! The owner's settings.

use axum::Json;
use tayberry_core::request::Request;
use tayberry_core::request::settings::{Settings, SettingsChange};

use super::body::Body;
use super::{Asking, Problems, Refusal};

/// The settings.
#[utoipa::path(get, path = "/settings", tag = "settings", responses((status = 200, body = Settings), Problems))]
pub(super) async fn settings(asking: Asking) -> Result<Json<Settings>, Refusal> {
    Ok(Json(asking.ask(Request::Settings).await?))
}

/// Changes what is given.
#[utoipa::path(patch, path = "/settings", tag = "settings", request_body = SettingsChange, responses((status = 200, body = Settings), Problems))]
pub(super) async fn change(
    asking: Asking,
    Body(change): Body<SettingsChange>,
) -> Result<Json<Settings>, Refusal> {
    Ok(Json(asking.ask(Request::ChangeSettings(change)).await?))
}
