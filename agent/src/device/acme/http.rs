//! Carries the requests of the ACME library over HTTPS, each with a deadline and a longest answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::AcmeError;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes: a chain of certificates.
const LONGEST: u64 = 256 << 10;

/// Asks. It follows no redirection: an authority names its addresses itself.
pub(super) struct Http(ureq::Agent);

impl Http {
    /// Believes the certificate `trust` (PEM), or those that everybody believes.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn new(trust: Option<&str>) -> Result<Self, AcmeError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = trust {
            let root = Certificate::from_pem(pem.as_bytes());
            let root = root.map_err(|error| AcmeError::Authority(format!("its own certificate: {error}")))?;
            tls = tls.root_certs(RootCerts::Specific(Arc::new(vec![root])));
        }
        let settings = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE));
        Ok(Self(settings.build().into()))
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let agent = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(head, body.to_bytes().to_vec());
            let asked = tokio::task::spawn_blocking(move || ask(&agent, request)).await;
            let response = asked.map_err(|stopped| Error::Other(stopped.into()))?;
            response.map_err(|error| Error::Other(error.into()))
        })
    }
}

fn ask(agent: &ureq::Agent, request: Request<Vec<u8>>) -> Result<BytesResponse, ureq::Error> {
    let (head, mut body) = agent.run(request)?.into_parts();
    let bytes = body.with_config().limit(LONGEST).read_to_vec()?;
    Ok(Response::from_parts(head, Full::new(Bytes::from(bytes))).into())
}
