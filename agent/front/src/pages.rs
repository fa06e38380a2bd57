//! What the ports answer: the pages that `stack/web` builds, the API beside them, and on the plain port a redirect.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::get;
use memory_serve::CacheControl;
use tayberry_core::domain::DomainName;
use tayberry_core::request::setup::Overview;
use tayberry_core::request::{MAX_BYTES, Request};

use crate::agent::Caller;
use crate::api::domain;
use crate::{App, agent, api, headers};

/// Pages and API.
pub(crate) fn router(app: App) -> Router {
    let pages = memory_serve::load!()
        .index_file(Some("/index.html"))
        .fallback(Some("/index.html"))
        .fallback_status(StatusCode::NOT_FOUND)
        .html_cache_control(CacheControl::NoCache)
        // Their names hold a hash of their contents.
        .cache_control(CacheControl::Long)
        .into_router();
    let (api, _) = api::router();
    api.layer(DefaultBodyLimit::max(MAX_BYTES))
        .route("/metrics", get(api::metrics::for_collectors))
        .merge(pages)
        .layer(from_fn_with_state(app.clone(), headers::add))
        .with_state(app)
}

/// The plain port: to the same place over HTTPS.
pub(crate) fn redirect(app: App) -> Router {
    let to = |State(app): State<App>, uri: Uri, headers: HeaderMap| async move {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let domain = app.domain.load();
        let host = target(host, &app.name.load(), domain.as_deref().map(DomainName::as_str));
        Redirect::temporary(&format!("https://{host}{path}"))
    };
    Router::new().route(domain::PROOF, domain::proof()).fallback(to).with_state(app)
}

/// The host to go to: the one that was asked for if it can be ours, else our name. Anything else would let a stranger's
/// link lead elsewhere.
fn target(host: Option<&str>, name: &str, domain: Option<&str>) -> String {
    let host = host.unwrap_or_default();
    let plain = host.strip_suffix(":80").unwrap_or(host);
    let is_address = plain.parse::<IpAddr>().is_ok()
        || plain
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok());
    let is_name = plain.split_once('.').is_some_and(|(first, domain)| {
        first == name && tayberry_core::certificate::DOMAINS.contains(&domain)
    });
    if is_address || is_name || domain == Some(plain) { plain.to_owned() } else { format!("{name}.local") }
}

/// Learns the device's name and addresses, for the policy and the redirect.
pub(crate) async fn look_around(app: &App) {
    let nobody = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let caller = Caller { peer: nobody, local: nobody, credential: String::new() };
    match agent::ask::<Overview>(&app.agent, &caller, &Request::Overview).await {
        Ok(overview) => {
            app.policy.store(Arc::new(headers::policy(Some(&overview))));
            app.name.store(Arc::new(overview.name));
            app.domain.store(overview.domain.map(Arc::new));
        }
        Err(problem) => tracing::warn!("{problem:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn only_our_own_hosts_are_redirected_to() {
        for (host, to) in [
            (Some("kitchen.local"), "kitchen.local"),
            (Some("kitchen.local:80"), "kitchen.local"),
            (Some("192.168.1.20"), "192.168.1.20"),
            (Some("[fd00::20]"), "[fd00::20]"),
            (Some("shop.example.org"), "shop.example.org"),
            (Some("www.shop.example.org"), "kitchen.local"),
            (Some("evil.example"), "kitchen.local"),
            (Some("kitchen.local.evil.example"), "kitchen.local"),
            (Some("kitchen.local/x"), "kitchen.local"),
            (None, "kitchen.local"),
        ] {
            assert_eq!(target(host, "kitchen", Some("shop.example.org")), to, "{host:?}");
        }
    }
}
