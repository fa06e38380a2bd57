//! Asks the front as a browser on this device would: over HTTPS, by the device's name, trusting its authority and no other.

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
const HTTPS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// How long everything may take; the slowest is a handshake on a busy device.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// The device itself, whatever the name. Its own name need not resolve: multicast DNS is another service.
#[derive(Debug)]
struct Here;

impl Resolver for Here {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(HTTPS);
        Ok(addresses)
    }
}

/// Whether the front answers under `name`, with a certificate of the authority `pem`, and gets its answer from the agent.
///
/// # Errors
/// With what is wrong, a sentence.
pub fn answers(name: &str, pem: &str) -> Result<(), String> {
    let words = |error: ureq::Error| format!("The front does not answer: {error}.");
    let authority = Certificate::from_pem(pem.as_bytes()).map_err(words)?;
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(vec![authority]))).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(PATIENCE)).build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::new(), Here);
    let mut answer = agent.get(format!("https://{name}.local/api/v1/overview")).call().map_err(words)?;
    let body = answer.body_mut().with_config().limit(LONGEST).read_to_vec().map_err(words)?;
    match serde_json::from_slice::<Overview>(&body) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The front answers something else: {error}.")),
    }
}
