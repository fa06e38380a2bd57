//! The audit log.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problems;
use crate::App;
use crate::asking::Asking;
use crate::problem::Problem;
use crate::store::{Entry, Role};

/// Entries of one answer.
const PAGE: i64 = 50;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Which {
    /// Those before this number; the newest without it.
    before: Option<i64>,
}

/// Whether the log is as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verified {
    /// Number of the first entry that does not follow the one before it; none when all do.
    first_wrong: Option<i64>,
}

/// Entries, the newest first; 50 at most.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Which), responses((status = 200, body = Vec<Entry>), Problems))]
pub(super) async fn entries(
    State(app): State<App>,
    _asking: Asking,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Entry>>, Problem> {
    Ok(Json(app.store.entries(which.before, PAGE).await?))
}

/// Reads the whole log and says whether anything was changed or taken out.
#[utoipa::path(post, path = "/audit/verify", tag = "audit", responses((status = 200, body = Verified), Problems))]
pub(super) async fn verify(State(app): State<App>, asking: Asking) -> Result<Json<Verified>, Problem> {
    asking.at_least(Role::Owner)?;
    Ok(Json(Verified { first_wrong: app.store.first_wrong().await? }))
}
