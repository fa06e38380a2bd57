//! Asks the device as a browser on it would: over HTTPS, by its name, trusting its authority and no other.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tayberry_core::request::setup::Overview;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// The port that is always the front's.
const FRONT: u16 = 8443;
/// The port of browsers: the stack's gateway has it.
const GATEWAY: u16 = 443;
/// How long everything may take; the slowest is a handshake on a busy device.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// A port of the device itself, whatever the name. Its own name need not resolve: multicast DNS is another service.
#[derive(Debug)]
struct Here(u16);

impl Resolver for Here {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.0));
        Ok(addresses)
    }
}

/// Who asks, and whom it trusts.
fn agent(port: u16, pem: &str) -> Result<ureq::Agent, ureq::Error> {
    let authority = Certificate::from_pem(pem.as_bytes())?;
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(vec![authority]))).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(PATIENCE));
    let config = config.http_status_as_error(false).max_redirects(0).max_redirects_will_error(false).build();
    Ok(ureq::Agent::with_parts(config, DefaultConnector::new(), Here(port)))
}

/// Status and body of `path` at a port.
fn ask(port: u16, name: &str, pem: &str, path: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
    let mut answer = agent(port, pem)?.get(format!("https://{name}.local{path}")).call()?;
    let body = answer.body_mut().with_config().limit(LONGEST).read_to_vec()?;
    Ok((answer.status().as_u16(), body))
}

/// Whether the front answers under `name`, with a certificate of the authority `pem`, and gets its answer from the agent.
///
/// # Errors
/// With what is wrong, a sentence.
pub fn answers(name: &str, pem: &str) -> Result<(), String> {
    let asked = ask(FRONT, name, pem, "/api/v1/overview");
    let (_, body) = asked.map_err(|error| format!("The front does not answer: {error}."))?;
    match serde_json::from_slice::<Overview>(&body) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The front answers something else: {error}.")),
    }
}

/// Whether a WebSocket is opened at `path` through the stack's gateway.
///
/// # Errors
/// With what is wrong, a sentence.
pub fn stack_opens_a_socket(name: &str, pem: &str, path: &str) -> Result<(), String> {
    let words = |error: ureq::Error| format!("The stack's gateway opens no WebSocket: {error}.");
    let agent = agent(GATEWAY, pem).map_err(words)?;
    opens(&agent, &format!("https://{name}.local{path}")).map_err(words)?
}

/// Asks for a WebSocket (RFC 6455, section 4) with the key of its section 1.3, to which there is one right answer.
fn opens(agent: &ureq::Agent, url: &str) -> Result<Result<(), String>, ureq::Error> {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let ask = agent.get(url).header("Connection", "Upgrade").header("Upgrade", "websocket");
    let answer = ask.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", KEY).call()?;
    let accept = answer.headers().get("Sec-WebSocket-Accept").and_then(|value| value.to_str().ok());
    Ok(match (answer.status().as_u16(), accept) {
        (101, Some(ACCEPT)) => Ok(()),
        (status, _) => Err(format!("The stack opens no WebSocket: it answers {status}.")),
    })
}

/// Whether the stack answers through its gateway, with a status that is `right`. `path` is asked of it; a server that fails says so by
/// a status from 500 on, and that there is nothing of the name by one from 400 on (RFC 9110, 15).
///
/// # Errors
/// With what is wrong, a sentence.
pub fn stack_answers(name: &str, pem: &str, path: &str, right: Range<u16>) -> Result<(), String> {
    match ask(GATEWAY, name, pem, path) {
        Ok((status, _)) if right.contains(&status) => Ok(()),
        Ok((status, body)) => {
            let words = String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned();
            Err(format!("The stack answers {status} to {path}: {words}"))
        }
        Err(error) => Err(format!("The stack's gateway does not answer: {error}.")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// What is found of a server that says `answer` to the first request.
    fn found(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap();
            assert!(String::from_utf8_lossy(&asked[..length]).to_lowercase().contains("upgrade: websocket"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let agent = ureq::Agent::with_parts(config.build(), DefaultConnector::new(), Here(port));
        let found =
            opens(&agent, "http://tayberry.local/api/live").map_err(|error| error.to_string()).flatten();
        server.join().unwrap();
        found
    }

    #[test]
    fn a_socket_is_opened_by_the_one_right_answer() {
        let right = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(found(right), Ok(()));
        let other = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        assert!(found(other).unwrap_err().contains("502"));
    }
}
