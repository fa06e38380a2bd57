//! What the stack's gateway passes on: `/system/`. Applications of the stack are the same origin as this, and a script of theirs could
//! ask with the owner's cookie. So it only reads, signs in and out; whatever changes the device is asked on port 8443.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use tayberry_core::request::MAX_BYTES;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::stack::StackState;

use crate::api::{self, Refusal, domain};
use crate::{App, headers};

/// Where the gateway finds us.
const PREFIX: &str = "/system";
/// The port that is always ours.
const OWN: u16 = 8443;
/// What may be changed from here.
const SESSION: [&str; 2] = ["/api/v1/session", "/api/v1/session/token"];

/// What is told of the stack. Compose files and those beside them hold what applications must not know of each other.
const STACK: &str = "/api/v1/stack";

/// The API as far as it is offered here; a page is on the port that is always ours.
pub(crate) fn router(app: App) -> Router {
    let (api, _) = api::router();
    let api = api.layer(DefaultBodyLimit::max(MAX_BYTES)).layer(from_fn(only_read)).fallback(elsewhere);
    let router = Router::new().nest(PREFIX, api).route(domain::PROOF, domain::proof());
    router.layer(from_fn_with_state(app.clone(), headers::add)).with_state(app)
}

async fn only_read(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && request.uri().path() == STACK {
        return without_files(next.run(request).await).await;
    }
    if reads || SESSION.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let sentence = format!("From here the device can only be looked at. Ask at port {OWN}.");
    Refusal(Problem::new(Kind::Forbidden, sentence)).into_response()
}

/// The answer about the stack, without what was declared.
async fn without_files(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let bytes = match axum::body::to_bytes(body, MAX_BYTES * 4).await {
        Ok(bytes) => bytes,
        Err(error) => return Refusal(Problem::new(Kind::Failed, error.to_string())).into_response(),
    };
    let Ok(mut state) = serde_json::from_slice::<StackState>(&bytes) else {
        return Response::from_parts(head, bytes.into());
    };
    state.compose = None;
    state.env_files.clear();
    head.headers.remove(header::CONTENT_LENGTH);
    let body = serde_json::to_vec(&state).unwrap_or_default();
    Response::from_parts(head, body.into())
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
    async fn what_was_declared_is_not_told_here() {
        let state = StackState {
            compose: Some("services: {}".into()),
            env_files: [("mail.env".to_owned(), "PASSWORD=b7".to_owned())].into(),
            can_roll_back: true,
            ..StackState::default()
        };
        let answer = without_files(axum::Json(&state).into_response()).await;
        let bytes = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap();
        let told: StackState = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(told, StackState { can_roll_back: true, ..StackState::default() });
    }

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
