//! A JSON body, with a problem of ours for one that is none.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use tayberry_core::request::problem::{Kind, Problem};

use super::Refusal;

/// A body of type `T`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(problem(&rejection).into()),
        }
    }
}

fn problem(rejection: &JsonRejection) -> Problem {
    let kind = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::WrongMediaType,
        StatusCode::UNPROCESSABLE_ENTITY => Kind::NotAllowed,
        _ => Kind::BadRequest,
    };
    Problem::new(kind, rejection.body_text())
}
