//! The device's time and certificates: what the front shows to browsers.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use tayberry_core::certificate::{self, Facts, Leaf};
use tayberry_core::clock as decide;
use tayberry_core::request::status::TimeSource;

use super::Desk;
use crate::device::authority::AuthorityError;
use crate::device::{clock, network};
use crate::loops::stack::gateway::Certified;

impl Desk {
    /// Where the time comes from now.
    #[must_use]
    pub fn time_source(&self) -> TimeSource {
        if clock::is_synchronised() {
            TimeSource::Network
        } else if self.memory().hinted {
            TimeSource::Browser
        } else {
            self.source
        }
    }

    /// Sets the clock to the claiming browser's time, where nothing better is known.
    pub(super) fn take_hint(&self, hint: Option<i64>) {
        let source = self.time_source();
        let Some(time) = hint.and_then(|hint| decide::take_hint(source, self.build, hint)) else { return };
        match clock::set(time) {
            Ok(()) => {
                self.memory().hinted = true;
                // The firmware may take its time; nobody waits for it.
                drop(tokio::task::spawn_blocking(clock::keep));
                self.time_set.notify_one();
            }
            Err(error) => tracing::warn!("the browser's time could not be set: {error}"),
        }
    }

    /// Waits until the clock was set.
    pub async fn time_changed(&self) {
        self.time_set.notified().await;
    }

    fn facts(&self) -> Facts {
        Facts {
            hostnames: vec![network::name(), self.network.name()],
            addresses: self.network.addresses(),
            source: self.time_source(),
            now: clock::now(),
            build: self.build,
        }
    }

    /// Whether the front should ask for another certificate.
    #[must_use]
    pub fn must_certify(&self) -> bool {
        let facts = self.facts();
        self.memory().held.as_ref().is_none_or(|held| certificate::must_renew(held, &facts))
    }

    /// Fingerprint of the device's authority.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.keys.authority.fingerprint()
    }

    /// A certificate with a fresh key for the gateway, when the one that it holds no longer fits.
    ///
    /// # Errors
    /// When the library refuses its own key.
    pub fn certify_gateway(&self, held: &mut Option<Leaf>) -> Result<Option<Certified>, AuthorityError> {
        let facts = self.facts();
        if held.as_ref().is_some_and(|held| !certificate::must_renew(held, &facts)) {
            return Ok(None);
        }
        let leaf = certificate::wanted(&facts);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let own = self.keys.authority.sign(&leaf, key.public_key_raw())?;
        let chain = pem::encode_many(&[
            pem::Pem::new("CERTIFICATE", own),
            pem::Pem::new("CERTIFICATE", self.keys.authority.der.clone()),
        ]);
        *held = Some(leaf);
        Ok(Some(Certified { chain, key: key.serialize_pem() }))
    }

    /// A certificate for the front's key, and the authority's; DER.
    ///
    /// # Errors
    /// When the key is none.
    pub fn certify(&self, public_key: &[u8]) -> Result<Vec<Vec<u8>>, AuthorityError> {
        let leaf = certificate::wanted(&self.facts());
        let signed = self.keys.authority.sign(&leaf, public_key)?;
        self.memory().held = Some(leaf);
        Ok(vec![signed, self.keys.authority.der.clone()])
    }
}
