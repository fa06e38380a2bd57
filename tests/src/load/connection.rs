//! One request over HTTP/1.1 or HTTP/2, on a connection that is kept or on a fresh one.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Target;
use crate::JourneyError;

type Body = Empty<Bytes>;
pub(super) type Why = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// HTTP/1.1, one request after the other.
    One,
    /// HTTP/2, many at once.
    Two,
    /// HTTP/1.1, and nothing after it.
    Fresh,
}

/// How the device is reached.
#[derive(Clone)]
pub(super) struct Way {
    kind: Kind,
    port: u16,
    name: String,
    cookie: String,
    tls: TlsConnector,
}

/// A client that trusts the device's authority alone.
pub(super) fn tls(authority: &[u8], protocol: &[u8]) -> Result<TlsConnector, JourneyError> {
    let failed = |error: &dyn std::fmt::Display| JourneyError::Failed(error.to_string());
    let mut roots = RootCertStore::empty();
    for one in CertificateDer::pem_slice_iter(authority) {
        roots.add(one.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions();
    let mut config =
        config.map_err(|error| failed(&error))?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection of this machine's to the device.
pub(super) async fn connect(port: u16, name: &str, tls: &TlsConnector) -> Result<TlsStream<TcpStream>, Why> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(tls.connect(ServerName::try_from(name.to_owned())?, stream).await?)
}

impl Way {
    /// Some of each kind.
    pub(super) fn all(target: &Target) -> Result<Vec<Self>, JourneyError> {
        let [one, two] = [tls(&target.authority, b"http/1.1")?, tls(&target.authority, b"h2")?];
        // HTTP/1.1 asks one thing after the other: it has more connections, as a browser does.
        let kinds =
            [Kind::One, Kind::Two, Kind::One, Kind::Fresh, Kind::One, Kind::Two, Kind::One, Kind::Fresh];
        let way = |kind| Self {
            kind,
            port: target.port,
            name: target.name.clone(),
            cookie: target.cookie(),
            tls: if kind == Kind::Two { two.clone() } else { one.clone() },
        };
        Ok(kinds.map(way).into())
    }

    async fn connect(&self) -> Result<Sender, Why> {
        let io = TokioIo::new(connect(self.port, &self.name, &self.tls).await?);
        if self.kind == Kind::Two {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            return Ok(Sender::Two(sender));
        }
        let (sender, connection) = http1::handshake(io).await?;
        tokio::spawn(connection);
        Ok(Sender::One(sender))
    }

    fn request(&self, path: &str) -> Result<Request<Body>, Why> {
        let host = format!("{}:{}", self.name, self.port);
        let request = if self.kind == Kind::Two {
            Request::get(format!("https://{host}{path}"))
        } else {
            Request::get(path).header("Host", host)
        };
        Ok(request.header("Cookie", &self.cookie).body(Empty::new())?)
    }
}

enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

impl Sender {
    fn is_open(&self) -> bool {
        match self {
            Self::One(sender) => !sender.is_closed(),
            Self::Two(sender) => !sender.is_closed(),
        }
    }
}

/// A connection, and the next one when it has ended.
pub(super) struct Kept {
    way: Way,
    sender: Mutex<Option<Sender>>,
}

impl Kept {
    pub(super) fn new(way: Way) -> Self {
        Self { way, sender: Mutex::new(None) }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.way.kind {
            Kind::One => "over HTTP/1.1",
            Kind::Two => "over HTTP/2",
            Kind::Fresh => "on a fresh connection",
        }
    }

    /// Asks, and takes all of the answer.
    pub(super) async fn ask(&self, path: &str) -> Result<(), Why> {
        let request = self.way.request(path)?;
        if self.way.kind == Kind::Fresh {
            let Sender::One(mut sender) = self.way.connect().await? else { return Ok(()) };
            return complete(sender.send_request(request).await?).await;
        }
        let mut kept = self.sender.lock().await;
        // A connection that was ended in peace, while nobody asked on it, is no failure.
        let open = kept.take().filter(Sender::is_open);
        let sender = match open {
            Some(sender) => sender,
            None => self.way.connect().await?,
        };
        match sender {
            Sender::One(mut sender) => {
                sender.ready().await?;
                complete(sender.send_request(request).await?).await?;
                *kept = Some(Sender::One(sender));
                Ok(())
            }
            Sender::Two(mut sender) => {
                sender.ready().await?;
                let answer = sender.send_request(request);
                *kept = Some(Sender::Two(sender));
                drop(kept);
                complete(answer.await?).await
            }
        }
    }
}

async fn complete(answer: Response<Incoming>) -> Result<(), Why> {
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(())
}
