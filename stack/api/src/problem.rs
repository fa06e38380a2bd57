//! What is said instead of an answer (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Status of HTTP.
    status: u16,
    /// What kind, for programs.
    kind: &'static str,
    /// What and what to do, a sentence.
    title: String,
}

impl Problem {
    const fn of(status: StatusCode, kind: &'static str, title: String) -> Self {
        Self { status: status.as_u16(), kind, title }
    }

    pub(crate) fn sign_in() -> Self {
        Self::of(StatusCode::UNAUTHORIZED, "sign-in-first", "Sign in first.".into())
    }

    pub(crate) fn wrong_password() -> Self {
        Self::of(StatusCode::UNAUTHORIZED, "wrong-password", "Name or password are wrong.".into())
    }

    pub(crate) fn forbidden() -> Self {
        Self::of(
            StatusCode::FORBIDDEN,
            "forbidden",
            "You may not do that. Ask the owner of the device.".into(),
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "not-found", "There is nothing here.".into())
    }

    pub(crate) fn not_allowed(title: impl Into<String>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, "not-allowed", title.into())
    }

    pub(crate) fn conflict(title: impl Into<String>) -> Self {
        Self::of(StatusCode::CONFLICT, "conflict", title.into())
    }

    pub(crate) fn bad_request(status: StatusCode, title: String) -> Self {
        Self::of(status, "bad-request", title)
    }

    pub(crate) fn too_often() -> Self {
        Self::of(StatusCode::TOO_MANY_REQUESTS, "too-often", "Too many tries. Wait a minute.".into())
    }

    pub(crate) fn away(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::warn!("{what}: {error}");
        let title =
            format!("{what} does not answer. It is tried again; nothing was lost. Try again in a moment.");
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "away", title)
    }

    pub(crate) fn failed(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("{error}");
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, "failed", "That failed. The log says why.".into())
    }
}

impl From<mongodb::error::Error> for Problem {
    fn from(error: mongodb::error::Error) -> Self {
        Self::away("The document database", &error)
    }
}

impl From<redis::RedisError> for Problem {
    fn from(error: redis::RedisError) -> Self {
        Self::away("Redis", &error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}
