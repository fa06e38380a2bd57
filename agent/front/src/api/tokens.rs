//! Personal access tokens.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use tayberry_core::request::Request;
use tayberry_core::request::tokens::{NewToken, TokenId, TokenWish, Tokens};

use super::body::Body;
use super::{Asking, Problems, Refusal};

/// All tokens, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = Tokens), Problems))]
pub(super) async fn tokens(asking: Asking) -> Result<Json<Tokens>, Refusal> {
    Ok(Json(asking.ask(Request::Tokens).await?))
}

/// Makes a token; its secret is shown this once.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = TokenWish, responses((status = 201, body = NewToken), Problems))]
pub(super) async fn create(
    asking: Asking,
    Body(wish): Body<TokenWish>,
) -> Result<(StatusCode, Json<NewToken>), Refusal> {
    Ok((StatusCode::CREATED, Json(asking.ask(Request::CreateToken(wish)).await?)))
}

/// Ends a token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path, max_length = 64)), responses((status = 204), Problems))]
pub(super) async fn revoke(asking: Asking, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let () = asking.ask(Request::RevokeToken(TokenId { id })).await?;
    Ok(StatusCode::NO_CONTENT)
}
