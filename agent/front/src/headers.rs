//! Headers that every answer carries: what a browser may do with our pages.
//!
//! There is no `Strict-Transport-Security`: with a certificate of the device's own authority it would take away the button
//! with which a person gets to a page that this browser does not trust yet.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::setup::Overview;

use crate::App;
use crate::api::Refusal;

/// What the pages may load and reach: themselves, and the device under its other names (for the trust test, and to
/// confirm a change of the network).
pub(crate) fn policy(overview: Option<&Overview>) -> String {
    // Any name of the local network: the device gets another one in the middle of the setup.
    let mut reach = String::from("'self' https://*.local:*");
    if let Some(overview) = overview {
        // The grammar of CSP has no IPv6 addresses (CSP 3, section 2.3.1).
        for address in overview.addresses.iter().filter(|address| matches!(address, IpAddr::V4(_))) {
            reach.push_str(&format!(" https://{address}:*"));
        }
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {reach}; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// Adds them.
pub(crate) async fn add(
    axum::extract::State(app): axum::extract::State<App>,
    request: Request,
    next: Next,
) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response =
        if is_foreign(&request) { Refusal(foreign()).into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers
        .insert("permissions-policy", HeaderValue::from_static("camera=(), microphone=(), geolocation=()"));
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else if let Ok(policy) = HeaderValue::from_str(&app.policy.load()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Another site's page wants to change something (Fetch Metadata). Browsers say so; scripts say nothing.
fn is_foreign(request: &Request) -> bool {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    changes && request.uri().path() != crate::api::CONFIRM && site.is_some_and(|site| site != "same-origin")
}

fn foreign() -> Problem {
    Problem::new(Kind::Forbidden, "The request came from another site.")
}
