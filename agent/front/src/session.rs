//! The session's cookie, and the value that shows that a request comes from our own page.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use tayberry_core::request::owner::Session;

/// The cookie. The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain` (RFC 6265bis, section 4.1.3.2).
const COOKIE: &str = "__Host-tayberry";
/// The header with the value that [`csrf`] gives.
pub(crate) const CSRF: &str = "x-tayberry-csrf";
/// Longest secret that is passed on, in bytes.
const LONGEST: usize = 256;

/// What a request brought along to prove who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing.
    Nothing,
    /// A session's secret, from the cookie.
    Session(String),
    /// A token's secret, from the header `Authorization`.
    Token(String),
}

impl Proof {
    /// Reads it from a request's headers. A token counts before a cookie.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let is_plain =
            |secret: &&str| secret.len() <= LONGEST && secret.bytes().all(|b| b.is_ascii_graphic());
        let token = text(header::AUTHORIZATION).and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
        });
        if let Some(secret) = token.filter(is_plain) {
            return Self::Token(secret.to_owned());
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
        let ours = pairs.find_map(|(name, value)| (name == COOKIE).then_some(value)).filter(is_plain);
        ours.map_or(Self::Nothing, |secret| Self::Session(secret.to_owned()))
    }

    /// As the agent wants it.
    pub(crate) fn credential(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Session(secret) => format!("session {secret}"),
            Self::Token(secret) => format!("token {secret}"),
        }
    }
}

/// The value that a page of ours sends along: it follows from the session, and no other site can read it.
pub(crate) fn csrf(secret: &str) -> String {
    hex::encode(&Sha256::digest(format!("tayberry csrf {secret}"))[..16])
}

/// The line that gives a browser the session.
pub(crate) fn cookie(session: &Session) -> String {
    format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
        session.secret, session.lasts_s
    )
}

/// The line that takes it away.
pub(crate) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(lines: &[(&'static str, &str)]) -> Proof {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Proof::of(&headers)
    }

    #[test]
    fn tokens_and_cookies_are_told_apart() {
        let session = Proof::Session("ab12".into());
        assert_eq!(proof(&[("cookie", "a=b; __Host-tayberry=ab12")]), session);
        assert_eq!(proof(&[("cookie", "a=b"), ("cookie", "__Host-tayberry=ab12; c=d")]), session);
        assert_eq!(
            proof(&[("cookie", "__Host-tayberry=ab12"), ("authorization", "bearer tayberry_1")]),
            Proof::Token("tayberry_1".into())
        );
        for nothing in ["tayberry=ab12", "x__Host-tayberry=ab12", "__Host-tayberry=a b"] {
            assert_eq!(proof(&[("cookie", nothing)]), Proof::Nothing, "{nothing}");
        }
        assert_eq!(proof(&[("authorization", "Basic YTpi")]), Proof::Nothing);
        let long = format!("Bearer {}", "x".repeat(LONGEST + 1));
        assert_eq!(proof(&[("authorization", &long)]), Proof::Nothing);
        assert_ne!(csrf("ab12"), csrf("ab13"));
    }
}
