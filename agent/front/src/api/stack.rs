//! The stack.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use tayberry_core::request::Request;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{ComposeFile, ServiceLog, StackPlan, StackState, WhichService};
use utoipa::IntoParams;

use super::body::Body;
use super::{Asking, Problems, Refusal};

/// Which service.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Which {
    /// Its name.
    #[param(max_length = 32)]
    service: String,
}

/// What is declared, and how its services are.
#[utoipa::path(get, path = "/stack", tag = "stack", responses((status = 200, body = StackState), Problems))]
pub(super) async fn stack(asking: Asking) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::Stack).await?))
}

/// What a service said last: with up to 200 lines.
#[utoipa::path(get, path = "/stack/log", tag = "stack", params(Which), responses((status = 200, body = ServiceLog), Problems))]
pub(super) async fn log(
    asking: Asking,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ServiceLog>, Refusal> {
    let Query(which) = which.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
    Ok(Json(asking.ask(Request::StackLog(WhichService { service: which.service })).await?))
}

/// What a compose file would change. Nothing is.
#[utoipa::path(post, path = "/stack/plan", tag = "stack", request_body = ComposeFile, responses((status = 200, body = StackPlan), Problems))]
pub(super) async fn plan(asking: Asking, Body(file): Body<ComposeFile>) -> Result<Json<StackPlan>, Refusal> {
    Ok(Json(asking.ask(Request::PlanStack(file)).await?))
}

/// Declares a compose file. The answer comes before its services run: `busy` says whether they are being changed.
#[utoipa::path(put, path = "/stack", tag = "stack", request_body = ComposeFile, responses((status = 200, body = StackState), Problems))]
pub(super) async fn apply(
    asking: Asking,
    Body(file): Body<ComposeFile>,
) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::ApplyStack(file)).await?))
}

/// Declares the stack that comes with the system, and follows it through updates.
#[utoipa::path(put, path = "/stack/system", tag = "stack", responses((status = 200, body = StackState), Problems))]
pub(super) async fn system(asking: Asking) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::ApplySystemStack).await?))
}

/// Declares what was declared before.
#[utoipa::path(post, path = "/stack/rollback", tag = "stack", responses((status = 200, body = StackState), Problems))]
pub(super) async fn roll_back(asking: Asking) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::RollBackStack).await?))
}

/// Declares no stack. What services keep stays.
#[utoipa::path(delete, path = "/stack", tag = "stack", responses((status = 200, body = StackState), Problems))]
pub(super) async fn remove(asking: Asking) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::RemoveStack).await?))
}
