//! Who asks: a session's cookie, and for changes the value that shows that the request comes from our own page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use crate::App;
use crate::problem::Problem;
use crate::sessions::{LASTS_S, Session};
use crate::store::Role;

/// The cookie. The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain` (RFC 6265bis, section 4.1.3.2).
const COOKIE: &str = "__Host-console";
/// The header for changes.
const CSRF: &str = "x-console-csrf";
/// Length of a secret, in characters.
const LENGTH: usize = 64;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) session: Session,
    pub(crate) secret: String,
}

impl FromRequestParts<App> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = secret(&parts.headers).ok_or_else(Problem::sign_in)?.to_owned();
        let session = app.sessions.look(&secret).await?.ok_or_else(Problem::sign_in)?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let shown = parts.headers.get(CSRF).and_then(|value| value.to_str().ok());
        if !reads && shown != Some(session.csrf.as_str()) {
            return Err(Problem::forbidden());
        }
        Ok(Self { session, secret })
    }
}

impl Asking {
    /// Goes on only for somebody who is at least `role`.
    ///
    /// # Errors
    /// For others.
    pub(crate) fn at_least(&self, role: Role) -> Result<(), Problem> {
        if self.session.role >= role { Ok(()) } else { Err(Problem::forbidden()) }
    }

    /// The key under which what belongs to this person is kept. An owner's is apart from a user of the same name.
    pub(crate) fn owner(&self) -> String {
        let name = self.session.name.to_lowercase();
        if self.session.role == Role::Owner { format!("owner:{name}") } else { name }
    }
}

fn secret(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
    let ours = pairs.find_map(|(name, value)| (name == COOKIE).then_some(value));
    ours.filter(|secret| secret.len() == LENGTH && secret.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The line that gives a browser the session.
pub(crate) fn cookie(secret: &str) -> String {
    format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={LASTS_S}")
}

/// The line that takes it away.
pub(crate) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}
