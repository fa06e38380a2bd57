//! Signing in: the owner with a token of the device, others with a name and a password.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problems, note, now};
use crate::App;
use crate::asking::{Asking, cookie, no_cookie};
use crate::body::Body;
use crate::password;
use crate::problem::Problem;
use crate::sessions::{Session, secret};
use crate::store::Role;
use crate::token;

/// What proves who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Proof {
    /// The device says that its owner asks: the answer of `POST /system/api/v1/session/token`.
    Token { token: String },
    /// A user of the console.
    Password { name: String, password: String },
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Who {
    name: String,
    role: Role,
    /// For the header `X-Console-Csrf` of every change.
    csrf: String,
}

impl From<Session> for Who {
    fn from(session: Session) -> Self {
        Self { name: session.name, role: session.role, csrf: session.csrf }
    }
}

/// Signs in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Proof, responses((status = 200, body = Who), Problems))]
pub(super) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Body(proof): Body<Proof>,
) -> Result<Response, Problem> {
    let (name, role) = match proof {
        Proof::Token { token } => {
            let claims = token::read(&token, &app.settings.keys, now()).ok_or_else(Problem::sign_in)?;
            (claims.sub, Role::Owner)
        }
        Proof::Password { name, password } => {
            // The gateway puts the address that it sees itself last.
            let from = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
            app.sessions
                .try_once(from.and_then(|from| from.rsplit(',').next()).unwrap_or("unknown").trim())
                .await?;
            let user = app.store.user(&name).await?;
            let hash = user.as_ref().map(|user| user.hash.clone());
            let good = password::verify(password, hash).await?;
            let user = user.filter(|_| good).ok_or_else(Problem::wrong_password)?;
            (user.name, user.role)
        }
    };
    let session = Session { name, role, csrf: secret()? };
    note(&app, &session.name, "signed-in", "").await?;
    let secret = app.sessions.begin(&session).await?;
    Ok(([(header::SET_COOKIE, cookie(&secret))], Json(Who::from(session))).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = Who), Problems))]
pub(super) async fn look(asking: Asking) -> Json<Who> {
    Json(asking.session.into())
}

/// Signs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204), Problems))]
pub(super) async fn end(State(app): State<App>, asking: Asking) -> Result<Response, Problem> {
    app.sessions.end(&asking.secret).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, no_cookie())]).into_response())
}
