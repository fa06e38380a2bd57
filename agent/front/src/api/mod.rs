//! `/api/v1`: turns HTTP into requests to the agent, and its answers into HTTP. The OpenAPI document is generated from the
//! same functions and types (docs/api.md is the overview for people).

mod authority;
mod body;
pub(crate) mod domain;
pub(crate) mod metrics;
mod network;
mod owner;
mod rescue;
mod settings;
mod setup;
mod stack;
mod status;
mod tokens;
mod update;
mod upload;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use tayberry_core::request::Request;
use tayberry_core::request::problem::{Kind, Problem};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::agent::{self, Caller};
use crate::connection::Ends;
use crate::session::{self, Proof};

/// The one route that another origin may ask: from the new network, about the old one.
pub(crate) const CONFIRM: &str = "/api/v1/network/confirm";

/// A problem as an HTTP answer (RFC 9457).
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(crate) Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Kind> for Refusal {
    fn from(kind: Kind) -> Self {
        Self(kind.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Every answer that is none, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code, reason = "read by the macro alone")]
enum Problems {
    #[response(
        status = "4XX",
        description = "What to change, or when to try again",
        content_type = "application/problem+json"
    )]
    Refused(Problem),
    #[response(status = "5XX", description = "The device failed", content_type = "application/problem+json")]
    Failed(Problem),
}

/// Who asks: from the connection and the headers. A request that changes something and comes with a cookie has to show
/// that it comes from our own page.
pub(crate) struct Asking {
    app: App,
    caller: Caller,
    proof: Proof,
}

impl FromRequestParts<App> for Asking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let ends = parts.extensions.get::<Ends>().copied();
        let ends = ends.ok_or_else(|| Problem::new(Kind::Failed, "The connection has no ends."))?;
        let proof = Proof::of(&parts.headers);
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if let (false, Proof::Session(secret)) = (reads, &proof) {
            let shown = parts.headers.get(session::CSRF).and_then(|value| value.to_str().ok());
            if shown != Some(session::csrf(secret).as_str()) {
                return Err(
                    Problem::new(Kind::Forbidden, "The header X-Tayberry-Csrf is missing or wrong.").into()
                );
            }
        }
        let caller = Caller { peer: ends.peer, local: ends.local, credential: proof.credential() };
        Ok(Self { app: app.clone(), caller, proof })
    }
}

impl Asking {
    /// Asks the agent.
    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refusal> {
        Ok(agent::ask(&self.app.agent, &self.caller, &request).await?)
    }

    /// Whoever signs in has no session yet, or leaves the one there is: the cookie it came with counts for nothing.
    async fn ask_anew<T: DeserializeOwned>(ends: Ends, app: &App, request: Request) -> Result<T, Refusal> {
        let caller = Caller { peer: ends.peer, local: ends.local, credential: String::new() };
        Ok(agent::ask(&app.agent, &caller, &request).await?)
    }
}

#[derive(OpenApi)]
#[openapi(
    servers((url = "/api/v1")),
    info(
        title = "Tayberry",
        description = "What a Tayberry device can be asked. Scripts send `Authorization: Bearer SECRET`; pages use a cookie."
    )
)]
struct Document;

/// All routes, and the document that describes them.
pub(crate) fn router() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(setup::overview))
        .routes(routes!(authority::authority))
        .routes(routes!(authority::pem))
        .routes(routes!(authority::crt))
        .routes(routes!(authority::mobileconfig))
        .routes(routes!(authority::trust_test))
        .routes(routes!(setup::claim))
        .routes(routes!(setup::judge))
        .routes(routes!(setup::recovery_codes))
        .routes(routes!(setup::finish))
        .routes(routes!(owner::sign_in, owner::who_am_i, owner::sign_out))
        .routes(routes!(owner::app_token))
        .routes(routes!(owner::recover))
        .routes(routes!(owner::change_password))
        .routes(routes!(status::status))
        .routes(routes!(status::events))
        .routes(routes!(metrics::metrics))
        .routes(routes!(settings::settings, settings::change))
        .routes(routes!(domain::domain, domain::wish, domain::forget))
        .routes(routes!(domain::try_now))
        .routes(routes!(network::network))
        .routes(routes!(network::join, network::leave))
        .routes(routes!(network::confirm))
        .routes(routes!(tokens::tokens, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(update::updates, update::upload, update::cancel))
        .routes(routes!(update::events))
        .routes(routes!(update::check))
        .routes(routes!(update::install))
        .routes(routes!(update::restart))
        .routes(routes!(update::roll_back))
        .routes(routes!(stack::stack, stack::apply, stack::remove))
        .routes(routes!(stack::log))
        .routes(routes!(stack::plan))
        .routes(routes!(stack::system))
        .routes(routes!(stack::roll_back))
        .routes(routes!(stack::restart))
        .routes(routes!(stack::renew_secrets))
        .routes(routes!(stack::data))
        .routes(routes!(stack::images, stack::load_images))
        .routes(routes!(stack::registries, stack::trust_registry))
        .routes(routes!(stack::remove_volume))
        .routes(routes!(stack::remove_image))
        .routes(routes!(rescue::rescue))
        .routes(routes!(rescue::restart))
        .routes(routes!(rescue::factory_reset))
        .routes(routes!(rescue::export))
        .split_for_parts();
    let text = document.to_json().unwrap_or_default();
    let served = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) });
    let router = router
        .route("/openapi.json", served)
        .route("/network/confirm", axum::routing::options(network::preflight))
        .fallback(|| async { Refusal::from(Kind::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal::from(Kind::WrongMethod) });
    (Router::new().nest("/api/v1", router), document)
}

#[cfg(test)]
mod tests {
    /// Renew it with `UPDATE_GOLDEN=1 cargo test -p tayberry-front`, and read the difference: it is what scripts rely on.
    #[test]
    fn golden_openapi() {
        let (_, document) = super::router();
        let text = document.to_pretty_json().unwrap() + "\n";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openapi.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert!(
            text == std::fs::read_to_string(&path).unwrap_or_default(),
            "the API is not that of {path:?}"
        );
    }
}
