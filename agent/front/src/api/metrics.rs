//! Every reading: as JSON for pages and scripts, and at `/metrics` as OpenMetrics for those who collect them.

use std::fmt;

use axum::Json;
use axum::http::{HeaderName, header};
use tayberry_core::request::Request;
use tayberry_core::request::metrics::Metrics;
use tayberry_core::request::problem::{Kind, Problem};

use super::{Asking, Problems, Refusal};
use crate::openmetrics;

/// Every reading at this moment. `/metrics`, beside `/api`, has the same as OpenMetrics; a token with the scope `status` may ask for it.
#[utoipa::path(get, path = "/metrics", tag = "status", responses((status = 200, body = Metrics), Problems))]
pub(super) async fn metrics(asking: Asking) -> Result<Json<Metrics>, Refusal> {
    Ok(Json(asking.ask(Request::Metrics).await?))
}

/// The same for collectors.
pub(crate) async fn for_collectors(
    asking: Asking,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    let metrics: Metrics = asking.ask(Request::Metrics).await?;
    let text = openmetrics::text(&metrics)
        .map_err(|error: fmt::Error| Problem::new(Kind::Failed, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, openmetrics::TYPE)], text))
}
