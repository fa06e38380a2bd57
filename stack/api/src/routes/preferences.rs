//! What each person likes.

use axum::Json;
use axum::extract::State;

use super::Problems;
use crate::App;
use crate::asking::Asking;
use crate::body::Body;
use crate::problem::Problem;
use crate::store::Preferences;

/// Those of whoever asks.
#[utoipa::path(get, path = "/preferences", tag = "preferences", responses((status = 200, body = Preferences), Problems))]
pub(super) async fn read(State(app): State<App>, asking: Asking) -> Result<Json<Preferences>, Problem> {
    Ok(Json(app.store.preferences_of(&asking.owner()).await?))
}

/// Keeps them.
#[utoipa::path(put, path = "/preferences", tag = "preferences", request_body = Preferences, responses((status = 200, body = Preferences), Problems))]
pub(super) async fn keep(
    State(app): State<App>,
    asking: Asking,
    Body(wanted): Body<Preferences>,
) -> Result<Json<Preferences>, Problem> {
    app.store.keep_preferences(&asking.owner(), wanted.clone()).await?;
    Ok(Json(wanted))
}
