//! Live events over a WebSocket: a text of JSON for each.

use std::pin::pin;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Problems;
use crate::App;
use crate::asking::Asking;
use crate::ending::Told;
use crate::problem::Problem;

/// How often the other end is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// "Service Restart": the page connects again at once (IANA, WebSocket Close Code Number Registry).
const RESTART: u16 = 1012;
/// How long the other end may take to say farewell.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest message that is read, in bytes: pages send nothing.
const LONGEST: usize = 1024;

/// Events from now on.
#[utoipa::path(get, path = "/live", tag = "live", responses((status = 101), Problems))]
pub(super) async fn live(
    State(app): State<App>,
    headers: HeaderMap,
    _asking: Asking,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    if is_foreign(&headers) {
        return Err(Problem::forbidden());
    }
    let (events, ending) = (app.live.listen(), app.ending.listen());
    Ok(upgrade.max_message_size(LONGEST).on_upgrade(|socket| tell(socket, events, ending)))
}

/// Browsers say which page opens a WebSocket, and send cookies whatever it is (RFC 6455, section 10.2).
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    origin.strip_prefix("https://") != text(header::HOST)
}

async fn tell(mut socket: WebSocket, mut events: Receiver<String>, ending: Told) {
    let mut ping = tokio::time::interval(PING);
    let mut ending = pin!(ending.begun());
    // Awaited by the service until it is dropped, after the farewell.
    let told = loop {
        let sent = tokio::select! {
            event = events.recv() => match event {
                Ok(event) => socket.send(Message::Text(event.into())).await,
                // It reads too slowly: it begins anew, and reads the audit log.
                Err(RecvError::Lagged(_) | RecvError::Closed) => break None,
            },
            told = &mut ending => break Some(told),
            _ = ping.tick() => socket.send(Message::Ping(Vec::new().into())).await,
            heard = socket.recv() => match heard {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    };
    let frame = told.as_ref().map(|_| CloseFrame { code: RESTART, reason: Utf8Bytes::default() });
    // The other end may be gone already; else it says the same, and that is the end.
    drop(socket.send(Message::Close(frame)).await);
    drop(tokio::time::timeout(FAREWELL, async { while let Some(Ok(_)) = socket.recv().await {} }).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sites_page_is_foreign() {
        let asked = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "tayberry.local".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_foreign(&headers)
        };
        assert!(!asked(None) && !asked(Some("https://tayberry.local")));
        assert!(
            asked(Some("https://evil.example"))
                && asked(Some("https://tayberry.local:8443"))
                && asked(Some("null"))
        );
    }
}
