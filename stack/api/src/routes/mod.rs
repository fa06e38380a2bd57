//! `/api`: HTTP to the parts, and the document that describes it, from the same functions and types. Every request is logged with its
//! number, and every act of a person stands in the audit log.

mod audit;
mod dashboards;
mod health;
mod live;
mod preferences;
mod session;
mod users;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use health::{LastLook, answers};

use crate::App;
use crate::asking::Asking;
use crate::door;
use crate::problem::Problem;
use crate::store::Act;

/// Longest body, in bytes.
const LONGEST: usize = 64 << 10;
/// Longest number of a request that is taken from whoever asks, in characters.
const LONGEST_NUMBER: usize = 64;
/// The number of a request.
const NUMBER: HeaderName = HeaderName::from_static("x-request-id");

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
    #[response(
        status = "5XX",
        description = "A database is away, or the service failed",
        content_type = "application/problem+json"
    )]
    Failed(Problem),
}

#[derive(OpenApi)]
#[openapi(
    servers((url = "/api")),
    info(title = "Tayberry console", description = "Users, audit log, preferences and dashboards. Pages use a cookie and the header X-Console-Csrf.")
)]
struct Document;

fn described() -> (Router<App>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::socket))
        .routes(routes!(session::begin, session::look, session::end))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::remove))
        .routes(routes!(audit::entries))
        .routes(routes!(audit::verify))
        .routes(routes!(preferences::read, preferences::keep))
        .routes(routes!(dashboards::list, dashboards::keep))
        .routes(routes!(dashboards::remove))
        .routes(routes!(live::live))
        .split_for_parts()
}

/// All routes.
pub(crate) fn router(app: App) -> Router {
    let (router, document) = described();
    let text = document.to_json().unwrap_or_default();
    let served = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) });
    let router = router.route("/openapi.json", served).fallback(|| async { Problem::not_found() });
    Router::new()
        .nest("/api", router)
        .fallback(|| async { Problem::not_found() })
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(from_fn_with_state(app.door.clone(), door::pass))
        .layer(from_fn(log))
        .with_state(app)
}

async fn log(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let number = number(request.headers());
    let mut response = next.run(request).await;
    let (status, took_ms) = (response.status().as_u16(), begun.elapsed().as_millis());
    // A health check every few seconds is no news.
    if path != "/api/health" {
        tracing::info!(request = number, %method, path, status, took_ms, "answered");
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&number) {
        headers.insert(NUMBER, value);
    }
    response
}

/// The number that came with it, or a new one.
fn number(headers: &HeaderMap) -> String {
    let given = headers.get(NUMBER).and_then(|value| value.to_str().ok());
    let is_plain = |text: &&str| {
        text.len() <= LONGEST_NUMBER && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match given.filter(is_plain) {
        Some(given) => given.to_owned(),
        None => crate::sessions::secret().map(|secret| secret.chars().take(16).collect()).unwrap_or_default(),
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Writes down what somebody did, and tells everybody who looks.
async fn note(app: &App, actor: &str, action: &str, subject: &str) -> Result<(), Problem> {
    let act = Act { actor: actor.to_owned(), action: action.to_owned(), subject: subject.to_owned() };
    let entry = app.store.note(act, now()).await?;
    let event = serde_json::json!({ "kind": "audit", "entry": entry });
    crate::live::tell(&app.sessions, &event.to_string()).await;
    Ok(())
}

impl Asking {
    async fn note(&self, app: &App, action: &str, subject: &str) -> Result<(), Problem> {
        note(app, &self.session.name, action, subject).await
    }
}

#[cfg(test)]
mod tests {
    /// Renew it with `TAYBERRY_GOLDEN=1 cargo test -p tayberry-api`, and read the difference: it is what scripts rely on.
    #[test]
    fn golden_openapi() {
        let (_, document) = super::described();
        let text = document.to_pretty_json().unwrap() + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openapi.json");
        if std::env::var_os("TAYBERRY_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default());
    }
}
