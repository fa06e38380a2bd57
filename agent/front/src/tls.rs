//! The front's certificates: one with a key that lives in this process alone, signed by the device's authority, which the agent keeps;
//! and that of the owner's domain, which the agent has from elsewhere. Renewed whenever the agent says so.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::StreamExt;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::agent::AgentProxy;

/// How long to wait before asking an agent again that did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// A certificate that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// Making the key.
    #[error("the key cannot be made: {0}")]
    Key(#[from] rcgen::Error),
    /// What the agent answered.
    #[error("the agent's certificate cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
    /// The agent.
    #[error("the agent gives no certificate: {0}")]
    Agent(#[from] zbus::Error),
}

/// The certificates that are shown; none before the agent has answered.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    own: ArcSwapOption<CertifiedKey>,
    domain: ArcSwapOption<Domain>,
}

/// A certificate for who asks for this name.
#[derive(Debug)]
struct Domain {
    name: String,
    certified: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let domain = self.domain.load();
        let asked = domain.as_ref().filter(|domain| hello.server_name() == Some(&domain.name));
        asked.map(|domain| domain.certified.clone()).or_else(|| self.own.load_full())
    }
}

/// TLS 1.3, and 1.2 for old clients; HTTP/2 and 1.1.
///
/// # Errors
/// When the library refuses its own defaults.
pub(crate) fn config(shown: Arc<Shown>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Asks for a certificate with a fresh key, and for that of the domain.
async fn renew(agent: &AgentProxy<'_>, shown: &Shown) -> Result<(), TlsError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let chain = agent.certify(key.public_key_raw()).await?;
    shown.own.store(Some(certified(chain, key.serialize_der())?));
    let (name, chain, key) = agent.domain().await?;
    let domain =
        if name.is_empty() { None } else { Some(Domain { certified: certified(chain, key)?, name }) };
    shown.domain.store(domain.map(Arc::new));
    Ok(())
}

fn certified(chain: Vec<Vec<u8>>, key: Vec<u8>) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider())?))
}

/// Renews now and whenever the agent says so; calls `renewed` after each.
pub(crate) async fn keep(
    agent: &AgentProxy<'_>,
    shown: &Shown,
    mut renewed: impl AsyncFnMut(),
) -> Infallible {
    let mut told = agent.receive_certificates_changed().await;
    loop {
        match renew(agent, shown).await {
            Ok(()) => {
                renewed().await;
                told.next().await;
            }
            Err(error) => {
                tracing::warn!("{error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
