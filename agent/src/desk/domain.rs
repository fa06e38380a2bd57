//! The owner's domain: what is wished, and what the front and an authority need of it.

use tayberry_core::request::domain::{DomainAct, DomainState, WhichProof};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::status::EventKind;

use super::{Desk, Sender};

/// A domain, the chain of its certificate, and the key: DER, PKCS #8.
pub(crate) type Shown = (String, Vec<Vec<u8>>, Vec<u8>);

impl Desk {
    /// Whether certificates can be judged by the clock.
    #[must_use]
    pub fn knows_the_time(&self) -> bool {
        tayberry_core::clock::is_known(self.time_source())
    }

    pub(super) async fn act_on_domain(
        &self,
        sender: &Sender,
        act: DomainAct,
    ) -> Result<DomainState, Problem> {
        let changes = matches!(act, DomainAct::Wish(_) | DomainAct::Forget);
        match act {
            DomainAct::Look => {}
            DomainAct::Wish(wish) => self.domain.wish(*wish).await?,
            DomainAct::Forget => self.domain.forget().await?,
            DomainAct::Try => self.domain.try_now().await?,
        }
        if changes {
            self.happened(EventKind::DomainChanged, sender);
        }
        Ok(self.domain.state(self.knows_the_time()))
    }

    pub(super) fn domain_proof(&self, which: &WhichProof) -> Result<String, Problem> {
        self.domain.answer(&which.token).ok_or_else(|| Kind::NotFound.into())
    }

    /// What the front shows to who asks for the domain; all empty where there is none.
    #[must_use]
    pub(crate) fn shown_domain(&self) -> Shown {
        self.domain.certificate().map_or_else(Shown::default, |held| {
            (held.about.name.to_string(), held.chain.clone(), held.key.clone())
        })
    }
}
