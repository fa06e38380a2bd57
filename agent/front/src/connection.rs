//! One connection: TLS, HTTP/1.1 or 2, and the addresses at both ends, which every request carries along. Limits: how many
//! connections, how long a handshake and a request's head may take.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

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

/// Accepts connections for as long as the process lives. `tls` is none for the port that only redirects.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) -> Infallible {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        // Beyond the limit new connections wait in the kernel's queue.
        let Ok(place) = places.clone().acquire_owned().await else { continue };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("a connection was refused: {error}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            // Whatever a stranger sends is no event worth a line above `debug`.
            if let Err(error) = one(stream, tls, router).await {
                tracing::debug!("connection: {error}");
            }
            drop(place);
        });
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn one(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) -> Result<(), Failure> {
    // IPv4 arrives on the IPv6 socket; limits and certificates speak of the plain address.
    let ends = Ends {
        peer: stream.peer_addr()?.ip().to_canonical(),
        local: stream.local_addr()?.ip().to_canonical(),
    };
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => http(tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await??, ends, router).await,
        None => http(stream, ends, router).await,
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Ends,
    router: Router,
) -> Result<(), Failure> {
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ends);
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HANDSHAKE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HANDSHAKE).max_concurrent_streams(32);
    builder.serve_connection(TokioIo::new(stream), service).await
}
