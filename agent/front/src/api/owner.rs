//! Signing in and out.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::{Extension, Json};
use tayberry_core::request::Request;
use tayberry_core::request::owner::{AppToken, Credentials, PasswordChange, Recovery, Session, WhoAmI};

use super::body::Body;
use super::{Asking, Problems, Refusal};
use crate::App;
use crate::connection::Ends;
use crate::session::{Proof, cookie, csrf, no_cookie};

/// A session that begins: its cookie, and what the page may know of it.
pub(super) type SignedIn = ([(header::HeaderName, String); 1], Json<WhoAmI>);

pub(super) fn signed_in(session: &Session, name: Option<String>) -> SignedIn {
    let who = WhoAmI { role: session.role, name, csrf: Some(csrf(&session.secret)) };
    ([(header::SET_COOKIE, cookie(session))], Json(who))
}

/// Signs in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Credentials, responses((status = 200, body = WhoAmI), Problems))]
pub(super) async fn sign_in(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Body(credentials): Body<Credentials>,
) -> Result<SignedIn, Refusal> {
    let name = credentials.name.trim().to_owned();
    let session: Session = Asking::ask_anew(ends, &app, Request::SignIn(credentials)).await?;
    Ok(signed_in(&session, Some(name)))
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = WhoAmI), Problems))]
pub(super) async fn who_am_i(asking: Asking) -> Result<Json<WhoAmI>, Refusal> {
    let who: WhoAmI = asking.ask(Request::WhoAmI).await?;
    let csrf = if let Proof::Session(secret) = &asking.proof { Some(csrf(secret)) } else { None };
    Ok(Json(WhoAmI { csrf, ..who }))
}

/// What tells an application of the stack that the owner asks; it holds for minutes and gives no right over the device.
#[utoipa::path(post, path = "/session/token", tag = "session", responses((status = 200, body = AppToken), Problems))]
pub(super) async fn app_token(asking: Asking) -> Result<Json<AppToken>, Refusal> {
    Ok(Json(asking.ask(Request::MakeAppToken).await?))
}

/// Signs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204), Problems))]
pub(super) async fn sign_out(
    asking: Asking,
) -> Result<(StatusCode, [(header::HeaderName, String); 1]), Refusal> {
    let () = asking.ask(Request::SignOut).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, no_cookie())]))
}

/// Sets a new password with a recovery code.
#[utoipa::path(post, path = "/recovery", tag = "session", request_body = Recovery, responses((status = 200, body = WhoAmI), Problems))]
pub(super) async fn recover(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Body(recovery): Body<Recovery>,
) -> Result<SignedIn, Refusal> {
    let session: Session = Asking::ask_anew(ends, &app, Request::Recover(recovery)).await?;
    Ok(signed_in(&session, None))
}

/// Changes the password; every other session ends.
#[utoipa::path(put, path = "/password", tag = "session", request_body = PasswordChange, responses((status = 204), Problems))]
pub(super) async fn change_password(
    asking: Asking,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, Refusal> {
    let () = asking.ask(Request::ChangePassword(change)).await?;
    Ok(StatusCode::NO_CONTENT)
}
