//! One connection: TLS, HTTP/1.1 or 2, and the addresses at both ends, which every request carries along. Limits: how many
//! connections, how long a handshake and a request's head may take.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::turn::Turn;

/// Connections at a time: each costs some ten KiB.
const MOST: usize = 256;
/// How long a TLS handshake, or the head of a request, may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait after the system refused a connection, mostly because too many files are open.
const BREATH: Duration = Duration::from_millis(100);

/// The addresses at both ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: IpAddr,
    pub(crate) local: IpAddr,
}

/// Accepts connections in its turn, for as long as the process lives. `tls` is none for the port that only redirects.
pub(crate) async fn serve(
    listener: TcpListener,
    mut turn: Turn,
    tls: Option<TlsAcceptor>,
    router: Router,
) -> Infallible {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        // Beyond the limit new connections wait in the kernel's queue.
        let Ok(place) = places.clone().acquire_owned().await else { continue };
        turn.ours().await;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = turn.theirs() => continue,
        };
        let Some((stream, _)) = taken(accepted).await else { continue };
        let (tls, router, turn) = (tls.clone(), router.clone(), turn.clone());
        spawn(one(stream, turn, tls, router), place);
    }
}

/// Accepts what the gateway passes on, which says who is at the other end.
pub(crate) async fn inside(listener: UnixListener, router: Router) -> Infallible {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { continue };
        let Some((stream, _)) = taken(listener.accept().await).await else { continue };
        spawn(http(stream, None, Turn::always(), router.clone()), place);
    }
}

/// The connection, or none after a while.
async fn taken<T>(accepted: std::io::Result<T>) -> Option<T> {
    match accepted {
        Ok(taken) => Some(taken),
        Err(error) => {
            tracing::warn!("a connection was refused: {error}");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

fn spawn(
    connection: impl Future<Output = Result<(), Failure>> + Send + 'static,
    place: OwnedSemaphorePermit,
) {
    tokio::spawn(async move {
        // Whatever a stranger sends is no event worth a line above `debug`.
        if let Err(error) = connection.await {
            tracing::debug!("connection: {error}");
        }
        drop(place);
    });
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn one(stream: TcpStream, turn: Turn, tls: Option<TlsAcceptor>, router: Router) -> Result<(), Failure> {
    // IPv4 arrives on the IPv6 socket; limits and certificates speak of the plain address.
    let ends = Ends {
        peer: stream.peer_addr()?.ip().to_canonical(),
        local: stream.local_addr()?.ip().to_canonical(),
    };
    stream.set_nodelay(true)?;
    let ends = Some(ends);
    match tls {
        Some(tls) => {
            http(tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await??, ends, turn, router).await
        }
        None => http(stream, ends, turn, router).await,
    }
}

/// Serves a connection to its end; when the port is the gateway's meanwhile, to the end of what is asked already.
async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Option<Ends>,
    mut turn: Turn,
    router: Router,
) -> Result<(), Failure> {
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let ends = ends.unwrap_or_else(|| passed_on(request.headers()));
        request.extensions_mut().insert(ends);
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HANDSHAKE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HANDSHAKE).max_concurrent_streams(32);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        done = connection.as_mut() => done,
        () = turn.theirs() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// The ends of a connection to the gateway: it puts the address that it sees itself last.
fn passed_on(headers: &HeaderMap) -> Ends {
    let nobody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let last = headers.get_all("x-forwarded-for").into_iter().next_back();
    let peer = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    Ends { peer: peer.unwrap_or(nobody).to_canonical(), local: nobody }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_the_gateway() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", value.parse().unwrap());
            passed_on(&headers).peer.to_string()
        };
        assert_eq!(of("192.168.1.9"), "192.168.1.9");
        assert_eq!(of("1.2.3.4, ::ffff:192.168.1.9"), "192.168.1.9");
        assert_eq!(of("nonsense"), "::");
        assert_eq!(passed_on(&HeaderMap::new()).peer.to_string(), "::");
    }
}
