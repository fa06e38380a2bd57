//! What the stack's gateway passes on: `/system/`. Applications of the stack are the same origin as this, and a script of theirs could
//! ask with the owner's cookie. So it only reads, signs in and out; whatever changes the device is asked on port 8443.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use tayberry_core::request::MAX_BYTES;
use tayberry_core::request::problem::{Kind, Problem};

use crate::api::{self, Refusal};
use crate::{App, headers};

/// Where the gateway finds us.
const PREFIX: &str = "/system";
/// The port that is always ours.
const OWN: u16 = 8443;
/// What may be changed from here.
const SESSION: [&str; 2] = ["/api/v1/session", "/api/v1/session/token"];

/// The API as far as it is offered here; a page is on the port that is always ours.
pub(crate) fn router(app: App) -> Router {
    let (api, _) = api::router();
    let api = api.layer(DefaultBodyLimit::max(MAX_BYTES)).layer(from_fn(only_read)).fallback(elsewhere);
    Router::new().nest(PREFIX, api).layer(from_fn_with_state(app.clone(), headers::add)).with_state(app)
}

async fn only_read(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || SESSION.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let sentence = format!("From here the device can only be looked at. Ask at port {OWN}.");
    Refusal(Problem::new(Kind::Forbidden, sentence)).into_response()
}

async fn elsewhere(uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match host.parse::<axum::http::uri::Authority>() {
        Ok(host) => Redirect::temporary(&format!("https://{}:{OWN}{path}", host.host())).into_response(),
        Err(_) => Refusal::from(Kind::BadRequest).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_on_the_port_that_is_always_ours() {
        let asked = async |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let answer = elsewhere(Uri::from_static("/x?y"), headers).await;
            answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned())
        };
        assert_eq!(asked("attic.local").await.unwrap(), "https://attic.local:8443/x?y");
        assert_eq!(asked("attic.local:443").await.unwrap(), "https://attic.local:8443/x?y");
        assert_eq!(asked("[fd00::1]").await.unwrap(), "https://[fd00::1]:8443/x?y");
        assert_eq!(asked("not a host").await, None);
    }
}
