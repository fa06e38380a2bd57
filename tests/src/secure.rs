//! A small web server with a certificate of its own, which the device reaches as [`OUTSIDE`].

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tayberry::emulate::board::OUTSIDE;

use crate::JourneyError;

/// First byte of every TLS connection (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// What was asked.
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: String,
    /// The path, with what is behind it.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) struct Answer {
    /// Status and its words.
    pub(crate) status: &'static str,
    /// Headers beside those about length and connection.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// The server.
pub(crate) struct Secure {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    /// The certificate that vouches for it, PEM.
    pub(crate) certificate: String,
}

impl Secure {
    /// Opens one that proves that it is what the device reaches outside. Connections that are no TLS are `other`'s.
    ///
    /// # Errors
    /// When no port is free, or no certificate can be made.
    pub(crate) fn open(
        answer: impl Fn(Asked) -> Answer + Send + Sync + 'static,
        other: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self, JourneyError> {
        let failed = |error: &dyn std::fmt::Display| JourneyError::Failed(error.to_string());
        let host = OUTSIDE.split(':').next().unwrap_or_default().to_owned();
        let made = rcgen::generate_simple_self_signed([host]).map_err(|error| failed(&error))?;
        let key =
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|error| failed(&error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)
            })
            .map_err(|error| failed(&error))?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let (answer, other, config) = (Arc::new(answer), Arc::new(other), Arc::new(config));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, other, config) = (answer.clone(), other.clone(), config.clone());
                // A connection that breaks off is the other side's wish.
                std::thread::spawn(move || {
                    let mut first = [0];
                    match stream.peek(&mut first) {
                        Ok(1) if first == [HANDSHAKE] => serve(&*answer, config, stream).unwrap_or_default(),
                        _ => other(stream).unwrap_or_default(),
                    }
                });
            }
        });
        Ok(Self { port, certificate: made.cert.pem() })
    }
}

fn serve(
    answer: &impl Fn(Asked) -> Answer,
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut first = String::new();
    stream.by_ref().take(8192).read_line(&mut first)?;
    let (mut line, mut length) = (String::new(), 0);
    while stream.by_ref().take(8192).read_line(&mut line)? > 2 {
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().map_err(std::io::Error::other)?;
        }
        line.clear();
    }
    let mut body = Vec::new();
    stream.by_ref().take(length).read_to_end(&mut body)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_head = method == "HEAD";
    let Answer { status, headers, body } = answer(Asked { method, path, body });
    let out = stream.get_mut();
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len())?;
    for (name, value) in headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    out.write_all(b"\r\n")?;
    if !is_head {
        out.write_all(&body)?;
    }
    out.conn.send_close_notify();
    out.flush()
}
