//! Saved dashboards.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Problems;
use crate::App;
use crate::asking::Asking;
use crate::body::Body;
use crate::problem::Problem;
use crate::sessions::secret;
use crate::store::{Dashboard, MOST_DASHBOARDS, Role, Tile};

/// Longest title, in characters.
const LONGEST_TITLE: usize = 80;
/// Tiles at most.
const MOST_TILES: usize = 24;
/// Dashboards of one answer.
const PAGE: i64 = 200;

/// A dashboard to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDashboard {
    /// 1 to 80 characters.
    title: String,
    /// 1 to 24 readings.
    tiles: Vec<Tile>,
}

/// Which dashboards.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Which {
    /// Those behind this one; the first without it.
    #[serde(default)]
    after: String,
}

/// Those of whoever asks, by their name in addresses; 200 at most.
#[utoipa::path(get, path = "/dashboards", tag = "dashboards", params(Which), responses((status = 200, body = Vec<Dashboard>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    asking: Asking,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Dashboard>>, Problem> {
    Ok(Json(app.store.dashboards_of(&asking.owner(), &which.after, PAGE).await?))
}

/// Keeps one.
#[utoipa::path(post, path = "/dashboards", tag = "dashboards", request_body = NewDashboard, responses((status = 201, body = Dashboard), Problems))]
pub(super) async fn keep(
    State(app): State<App>,
    asking: Asking,
    Body(new): Body<NewDashboard>,
) -> Result<(StatusCode, Json<Dashboard>), Problem> {
    asking.at_least(Role::Operator)?;
    let title = new.title.trim();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE || title.chars().any(char::is_control) {
        return Err(Problem::not_allowed("The title: 1 to 80 characters."));
    }
    if new.tiles.is_empty() || new.tiles.len() > MOST_TILES {
        return Err(Problem::not_allowed("A dashboard shows 1 to 24 readings."));
    }
    if app.store.count_dashboards(&asking.owner()).await? >= MOST_DASHBOARDS {
        return Err(Problem::conflict(format!("There are {MOST_DASHBOARDS} dashboards: remove one first.")));
    }
    let dashboard =
        Dashboard { id: secret()?, owner: asking.owner(), title: title.to_owned(), tiles: new.tiles };
    app.store.keep_dashboard(&dashboard).await?;
    Ok((StatusCode::CREATED, Json(dashboard)))
}

/// Removes one.
#[utoipa::path(delete, path = "/dashboards/{id}", tag = "dashboards", params(("id" = String, Path)), responses((status = 204), Problems))]
pub(super) async fn remove(
    State(app): State<App>,
    asking: Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    asking.at_least(Role::Operator)?;
    let removed = app.store.remove_dashboard(&asking.owner(), &id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
