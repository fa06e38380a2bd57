//! Asks the device as a browser on it would: over HTTPS, by its name, trusting its authority and no other.

use std::net::{Ipv4Addr, SocketAddr};
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

/// Status and body of `path` at a port.
fn ask(port: u16, name: &str, pem: &str, path: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
    let authority = Certificate::from_pem(pem.as_bytes())?;
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(vec![authority]))).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(PATIENCE));
    let config = config.http_status_as_error(false).max_redirects(0).max_redirects_will_error(false).build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::new(), Here(port));
    let mut answer = agent.get(format!("https://{name}.local{path}")).call()?;
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

/// Whether the stack answers through its gateway. `path` is asked of it; a server that fails says so by its status (RFC 9110, 15.6).
///
/// # Errors
/// With what is wrong, a sentence.
pub fn stack_answers(name: &str, pem: &str, path: &str) -> Result<(), String> {
    match ask(GATEWAY, name, pem, path) {
        Ok((status, _)) if status < 500 => Ok(()),
        Ok((status, body)) => {
            let words = String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned();
            Err(format!("The stack answers {status} to {path}: {words}"))
        }
        Err(error) => Err(format!("The stack's gateway does not answer: {error}.")),
    }
}
