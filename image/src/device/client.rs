//! Asks a device over HTTPS. Its certificate is verified against the pinned authority and nothing else; the one
//! exception fetches the authority itself.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::config::Config;
use ureq::http::{Request, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use crate::device::DeviceError;
use crate::device::api::{self, Problem};
use crate::device::host::Host;

/// How long a device may take for one answer: hashing a password on a busy Pi takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes.
const MOST: u64 = 1 << 20;

/// Asks one device.
pub struct Client {
    agent: Agent,
    host: Host,
    /// The session's cookie, as `name=value`.
    cookie: Option<String>,
    csrf: Option<String>,
    token: Option<String>,
}

impl Client {
    /// Trusts this authority alone.
    ///
    /// # Errors
    /// When it is no certificate.
    pub fn trusting(pem: &str, host: &Host, address: Option<IpAddr>) -> Result<Self, DeviceError> {
        let roots = RootCerts::new_with_certs(&[certificate(pem, host)?]);
        Ok(Self::with(TlsConfig::builder().root_certs(roots).build(), host, address))
    }

    /// Trusts anybody: to fetch the authority, which a person compares.
    #[must_use]
    pub fn trusting_anybody(host: &Host, address: Option<IpAddr>) -> Self {
        Self::with(TlsConfig::builder().disable_verification(true).build(), host, address)
    }

    fn with(tls: TlsConfig, host: &Host, address: Option<IpAddr>) -> Self {
        // A device at home is not behind the proxy that the environment may name.
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let agent = match address {
            None => config.into(),
            Some(address) => Agent::with_parts(config, DefaultConnector::default(), Fixed(address)),
        };
        Self { agent, host: host.clone(), cookie: None, csrf: None, token: None }
    }

    /// Sends an access token along from now on.
    #[must_use]
    pub fn with_token(self, secret: String) -> Self {
        Self { token: Some(secret), ..self }
    }

    /// Asks, and reads the answer as `T`; `()` reads none.
    ///
    /// # Errors
    /// When the device cannot be reached or is not the pinned one, or with the device's own sentence.
    pub fn ask<T: DeserializeOwned>(
        &mut self,
        method: &str,
        route: &str,
        body: Option<&Value>,
    ) -> Result<T, DeviceError> {
        let host = self.host.to_string();
        let reach = |error| DeviceError::Reach { host: host.clone(), error: Box::new(error) };
        let mut request = Request::builder().method(method).uri(self.host.url(route));
        let headers = [
            ("Cookie", self.cookie.clone()),
            ("X-Tayberry-Csrf", self.csrf.clone()),
            ("Authorization", self.token.as_ref().map(|secret| format!("Bearer {secret}"))),
            ("Content-Type", body.map(|_| "application/json".to_owned())),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = match body {
            Some(body) => {
                request.body(body.to_string()).map_err(ureq::Error::from).and_then(|r| self.agent.run(r))
            }
            None => request.body(()).map_err(ureq::Error::from).and_then(|r| self.agent.run(r)),
        };
        let mut answer = answer.map_err(reach)?;
        let text = answer.body_mut().with_config().limit(MOST).read_to_string().map_err(reach)?;
        if !answer.status().is_success() {
            return Err(refused(&host, answer.status().as_u16(), &text));
        }
        self.remember(&answer, &text);
        let text = if text.is_empty() { "null" } else { &text };
        serde_json::from_str(text).map_err(|_| DeviceError::NotADevice(host))
    }

    /// Keeps the session's cookie, and the value that proves that we know it.
    fn remember(&mut self, answer: &Response<Body>, text: &str) {
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        for pair in cookies.filter_map(|line| line.split(';').next()) {
            self.cookie = Some(pair.trim().to_owned()).filter(|pair| !pair.ends_with('='));
        }
        if let Ok(api::WhoAmI { csrf: Some(csrf) }) = serde_json::from_str(text) {
            self.csrf = Some(csrf);
        }
    }
}

/// The certificate of a PEM text.
///
/// # Errors
/// When there is none in it.
pub fn certificate(pem: &str, host: &Host) -> Result<Certificate<'static>, DeviceError> {
    Certificate::from_pem(pem.as_bytes()).map_err(|_| DeviceError::NoCertificate(host.to_string()))
}

/// The device's own sentence.
fn refused(host: &str, status: u16, text: &str) -> DeviceError {
    match serde_json::from_str::<Problem>(text) {
        Ok(problem) => DeviceError::Refused {
            kind: problem.kind,
            sentence: api::sentence(&problem.title, problem.detail),
        },
        Err(_) => DeviceError::Status { host: host.to_owned(), status },
    }
}

/// Finds the device at this address whatever its name is.
#[derive(Debug)]
struct Fixed(IpAddr);

impl Resolver for Fixed {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = DefaultResolver::default().empty();
        found.push(SocketAddr::new(self.0, uri.port_u16().unwrap_or(443)));
        Ok(found)
    }
}
