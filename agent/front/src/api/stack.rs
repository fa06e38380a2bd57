//! The stack.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::HeaderMap;
use serde::Deserialize;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::{
    Archive, ComposeFile, Images, Registries, RegistryTrust, ServiceLog, StackData, StackPlan, StackState,
    WhichImage, WhichSecrets, WhichService, WhichStored, WhichVolume,
};
use tayberry_core::request::{Delivery, Request};
use utoipa::IntoParams;

use super::body::Body;
use super::upload;
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

/// Starts one service anew. Answered once it runs, or with what is wrong.
#[utoipa::path(post, path = "/stack/restart", tag = "stack", request_body = WhichService, responses((status = 200, body = StackState), Problems))]
pub(super) async fn restart(
    asking: Asking,
    Body(which): Body<WhichService>,
) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::RestartService(which)).await?))
}

/// Makes secrets anew, and starts the services anew that have them. The answer comes before those run.
#[utoipa::path(post, path = "/stack/secrets/renew", tag = "stack", request_body = WhichSecrets, responses((status = 200, body = StackState), Problems))]
pub(super) async fn renew_secrets(
    asking: Asking,
    Body(which): Body<WhichSecrets>,
) -> Result<Json<StackState>, Refusal> {
    Ok(Json(asking.ask(Request::RenewSecrets(which)).await?))
}

/// What services keep, the largest first, and how much can still be written.
#[utoipa::path(get, path = "/stack/data", tag = "stack", responses((status = 200, body = StackData), Problems))]
pub(super) async fn data(asking: Asking) -> Result<Json<StackData>, Refusal> {
    Ok(Json(asking.ask(Request::StackData).await?))
}

/// Removes what a service kept and neither the stack nor the one before it has. It cannot be had back.
#[utoipa::path(post, path = "/stack/data/remove", tag = "stack", request_body = WhichVolume, responses((status = 200, body = StackData), Problems))]
pub(super) async fn remove_volume(
    asking: Asking,
    Body(which): Body<WhichVolume>,
) -> Result<Json<StackData>, Refusal> {
    Ok(Json(asking.ask(Request::RemoveStored(WhichStored::Volume(which))).await?))
}

/// Removes an image that neither the stack nor the one before it has.
#[utoipa::path(post, path = "/stack/images/remove", tag = "stack", request_body = WhichImage, responses((status = 200, body = StackData), Problems))]
pub(super) async fn remove_image(
    asking: Asking,
    Body(which): Body<WhichImage>,
) -> Result<Json<StackData>, Refusal> {
    Ok(Json(asking.ask(Request::RemoveStored(WhichStored::Image(which))).await?))
}

/// The images that were fetched or handed in.
#[utoipa::path(get, path = "/stack/images", tag = "stack", responses((status = 200, body = Images), Problems))]
pub(super) async fn images(asking: Asking) -> Result<Json<Images>, Refusal> {
    Ok(Json(asking.ask(Request::StackImages).await?))
}

/// Takes an archive of images, as `podman save` and `tayberry stack export` write it.
#[utoipa::path(post, path = "/stack/images", tag = "stack", request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Images), Problems))]
pub(super) async fn load_images(
    asking: Asking,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Images>, Refusal> {
    let archive = Archive { bytes: upload::length(&headers)? };
    Ok(Json(upload::hand_in(&asking, body, Delivery::Images(archive)).await?))
}

/// The registries whose own certificates are believed.
#[utoipa::path(get, path = "/stack/registries", tag = "stack", responses((status = 200, body = Registries), Problems))]
pub(super) async fn registries(asking: Asking) -> Result<Json<Registries>, Refusal> {
    Ok(Json(asking.ask(Request::Registries).await?))
}

/// Believes the certificate of a registry in one's own network, or does not any more.
#[utoipa::path(put, path = "/stack/registries", tag = "stack", request_body = RegistryTrust, responses((status = 200, body = Registries), Problems))]
pub(super) async fn trust_registry(
    asking: Asking,
    Body(trust): Body<RegistryTrust>,
) -> Result<Json<Registries>, Refusal> {
    Ok(Json(asking.ask(Request::TrustRegistry(trust)).await?))
}
