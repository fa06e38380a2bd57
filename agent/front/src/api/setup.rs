//! First boot: overview, claim, setup.

use axum::extract::State;
use axum::http::header;
use axum::{Extension, Json};
use tayberry_core::request::Request;
use tayberry_core::request::owner::{Session, WhoAmI};
use tayberry_core::request::setup::{
    Answers, Claim, Finished, FinishedSetup, Overview, PasswordToJudge, RecoveryCodes, Strength,
};

use super::body::Body;
use super::owner::{SignedIn, signed_in};
use super::{Asking, Problems, Refusal};
use crate::App;
use crate::connection::Ends;
use crate::session::cookie;

/// What anybody on the network may know.
#[utoipa::path(get, path = "/overview", tag = "setup", responses((status = 200, body = Overview), Problems))]
pub(super) async fn overview(asking: Asking) -> Result<Json<Overview>, Refusal> {
    Ok(Json(asking.ask(Request::Overview).await?))
}

/// Takes the device with the claim code that it shows on its screen.
#[utoipa::path(post, path = "/claim", tag = "setup", request_body = Claim, responses((status = 200, body = WhoAmI), Problems))]
pub(super) async fn claim(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Body(claim): Body<Claim>,
) -> Result<SignedIn, Refusal> {
    let session: Session = Asking::ask_anew(ends, &app, Request::Claim(claim)).await?;
    Ok(signed_in(&session, None))
}

/// How good a password is.
#[utoipa::path(post, path = "/password/judge", tag = "setup", request_body = PasswordToJudge, responses((status = 200, body = Strength), Problems))]
pub(super) async fn judge(
    asking: Asking,
    Body(wish): Body<PasswordToJudge>,
) -> Result<Json<Strength>, Refusal> {
    Ok(Json(asking.ask(Request::JudgePassword(wish)).await?))
}

/// Makes recovery codes for the setup that runs; earlier ones of it no longer count.
#[utoipa::path(post, path = "/setup/recovery-codes", tag = "setup", responses((status = 200, body = RecoveryCodes), Problems))]
pub(super) async fn recovery_codes(asking: Asking) -> Result<Json<RecoveryCodes>, Refusal> {
    Ok(Json(asking.ask(Request::MakeRecoveryCodes).await?))
}

/// Ends the setup: from here on the device has an owner, who is signed in.
#[utoipa::path(post, path = "/setup/finish", tag = "setup", request_body = Answers, responses((status = 200, body = Finished), Problems))]
pub(super) async fn finish(
    asking: Asking,
    Body(answers): Body<Answers>,
) -> Result<([(header::HeaderName, String); 1], Json<Finished>), Refusal> {
    let done: FinishedSetup = asking.ask(Request::FinishSetup(Box::new(answers))).await?;
    Ok(([(header::SET_COOKIE, cookie(&done.session))], Json(done.finished)))
}
