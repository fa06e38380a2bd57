//! The claim and the setup: from the code on the screen to an owner.

use tayberry_core::request::owner::{Role, Session};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::setup::{
    Answers, Authority, Claim, Finished, FinishedSetup, Overview, PasswordToJudge, Phase, RecoveryCodes,
    Strength,
};
use tayberry_core::request::status::EventKind;
use tayberry_core::{card, password, recovery, setup};
use tayberry_format::claim::ClaimCode;

use super::{Desk, Sender, failed};
use crate::device::{clock, network, random};

impl Desk {
    pub(super) fn overview(&self) -> Overview {
        let state = self.state();
        Overview {
            phase: if state.owner.is_some() { Phase::Owned } else { Phase::Unclaimed },
            name: self.network.name(),
            version: crate::device::system::version().to_owned(),
            language: state.owner.as_ref().map(|_| state.language),
            time_known: tayberry_core::clock::is_known(self.time_source()),
            now: clock::now(),
            authority_fingerprint: self.fingerprint(),
            addresses: self.network.addresses(),
            setup_network: self.network.setup_network().is_some(),
            domain: self.domain.certificate().map(|held| held.about.name.clone()),
        }
    }

    pub(super) fn shown_authority(&self) -> Authority {
        Authority { pem: self.keys.authority.pem.clone(), fingerprint: self.fingerprint() }
    }

    pub(super) async fn claim(&self, sender: &Sender, claim: &Claim) -> Result<Session, Problem> {
        let _one = self.door.lock().await;
        let now = clock::uptime();
        if let Some(peer) = sender.peer {
            let wait = self.memory().claims.wait(peer, now);
            if !wait.is_zero() {
                return Err(Problem::wait(wait));
            }
        }
        let state = self.state();
        let code: &ClaimCode =
            state.claim.as_ref().ok_or_else(|| Problem::new(Kind::Failed, "There is no claim code."))?;
        if !code.matches(&claim.code) {
            if let Some(peer) = sender.peer {
                self.memory().claims.wrong(peer, now);
            }
            return Err(Kind::WrongCode.into());
        }
        if let Some(peer) = sender.peer {
            self.memory().claims.right(peer);
        }
        self.take_hint(claim.now);
        // Whoever has the code may begin anew; a setup that somebody else began ends.
        let mut memory = self.memory();
        memory.sessions.end_others(None);
        memory.codes = None;
        drop(memory);
        self.begin(Role::Setup)
    }

    pub(super) fn judge(&self, wish: &PasswordToJudge) -> Strength {
        password::judge(&wish.password, &[&wish.name, &network::name()])
    }

    pub(super) fn make_recovery_codes(&self) -> Result<RecoveryCodes, Problem> {
        let codes = recovery::make(&random::bytes().map_err(failed)?);
        self.memory().codes = Some(codes.clone());
        Ok(codes)
    }

    pub(super) async fn finish_setup(
        &self,
        sender: &Sender,
        answers: Answers,
    ) -> Result<FinishedSetup, Problem> {
        let _one = self.door.lock().await;
        let zone = clock::knows(&answers.timezone);
        let address = format!("https://{}.local", answers.name.as_ref());
        let codes = self.memory().codes.clone();
        let checked = setup::check(answers, codes.as_ref(), zone)?;
        let hash = self.hash(checked.password().to_owned()).await?;
        self.keeper.change(|state| checked.apply(state, hash)).await?;
        self.stack.has_an_owner();
        let mut memory = self.memory();
        memory.sessions.end_others(None);
        memory.codes = None;
        drop(memory);
        self.happened(EventKind::Claimed, sender);
        let qr_svg = card::svg(&address).map_err(failed)?;
        let finished = Finished { address, qr_svg, authority_fingerprint: self.fingerprint() };
        Ok(FinishedSetup { finished, session: self.begin(Role::Owner)? })
    }
}
