//! Asks a registry what it has, without fetching it. Nothing of what comes is believed but for a warning: Podman fetches, and checks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tayberry_core::stack::registry::{
    ACCEPT, Manifest, Reference, Source, architecture, manifest, token_address,
};
use ureq::http::{StatusCode, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long a registry may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const LONGEST: u64 = 4 << 20;

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// Who asks one registry, with a token once it has asked for one.
struct Reader {
    agent: ureq::Agent,
    token: Option<String>,
}

/// What its registry says of an image. `trust` is the folder of certificates by which registries are believed (containers-certs.d(5)).
#[must_use]
pub fn source(reference: &Reference, trust: &Path) -> Source {
    let certificate = std::fs::read(trust.join(&reference.registry).join("ca.crt")).ok();
    let certificate = certificate.and_then(|pem| Certificate::from_pem(&pem).ok());
    let mut tls = TlsConfig::builder();
    if let Some(certificate) = certificate {
        tls = tls.root_certs(RootCerts::Specific(Arc::new(vec![certificate])));
    }
    let config = ureq::Agent::config_builder().tls_config(tls.build()).http_status_as_error(false);
    let agent = config.https_only(true).timeout_global(Some(PATIENCE)).build().into();
    Reader { agent, token: None }.look(reference).unwrap_or_else(|error| Source::Unknown(error.to_string()))
}

impl Reader {
    fn look(&mut self, reference: &Reference) -> Result<Source, ureq::Error> {
        let odd = || Source::Unknown("it answers something else than a manifest".to_owned());
        let bytes = match self.ask(&reference.address("manifests", &reference.version))? {
            Ok(bytes) => bytes,
            Err(StatusCode::NOT_FOUND) => return Ok(Source::Missing),
            Err(status) => return Ok(Source::Unknown(format!("it answers {status}"))),
        };
        let digest = match manifest(&bytes) {
            Some(Manifest::Several(all)) => return Ok(Source::For(all)),
            Some(Manifest::One(digest)) => digest,
            None => return Ok(odd()),
        };
        let config = self.ask(&reference.address("blobs", &digest))?.ok();
        Ok(config.as_deref().and_then(architecture).map_or_else(odd, |one| Source::For(vec![one])))
    }

    /// An answer's bytes, or its status.
    fn ask(&mut self, url: &str) -> Result<Result<Vec<u8>, StatusCode>, ureq::Error> {
        let mut answer = self.get(url)?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.token.is_none() {
            let wanted = answer.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            if let Some(address) = wanted.and_then(token_address) {
                let mut given = self.agent.get(address).call()?;
                let bytes = given.body_mut().with_config().limit(LONGEST).read_to_vec()?;
                self.token = serde_json::from_slice::<Token>(&bytes).ok().map(|given| given.token);
                answer = self.get(url)?;
            }
        }
        if answer.status() != StatusCode::OK {
            return Ok(Err(answer.status()));
        }
        answer.body_mut().with_config().limit(LONGEST).read_to_vec().map(Ok)
    }

    fn get(&self, url: &str) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = self.agent.get(url).header(header::ACCEPT, ACCEPT);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call()
    }
}
