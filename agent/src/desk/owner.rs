//! Signing in and out, and what becomes of a lost or an old password.

use tayberry_core::access::Asker;
use tayberry_core::one_time::{self, Judgement, OneTime};
use tayberry_core::request::owner::{AppToken, Credentials, PasswordChange, Recovery, Role, Session, WhoAmI};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::status::EventKind;
use tayberry_core::session::SessionId;
use tayberry_core::{app_token, recovery, setup};
use tayberry_format::owner::Owner;
use tayberry_format::state::State;

use super::{Credential, Desk, Sender, failed};
use crate::device::{clock, network, password, random};

impl Desk {
    pub(super) async fn sign_in(&self, sender: &Sender, wish: Credentials) -> Result<Session, Problem> {
        let _one = self.door.lock().await;
        self.may_try(sender)?;
        let owner = self.owner()?;
        let same_name = wish.name.trim().to_lowercase() == owner.name.to_lowercase();
        // Hashed in any case: how long the answer takes must not tell whether the name was right.
        let same_password = self.verify(wish.password, owner.password).await?;
        if !(same_name && same_password) {
            self.wrong(sender);
            return Err(Kind::WrongPassword.into());
        }
        self.right(sender);
        self.happened(EventKind::SignedIn, sender);
        self.begin(Role::Owner)
    }

    pub(super) fn make_app_token(&self) -> Result<AppToken, Problem> {
        let token = self.keys.app.token(&self.owner()?.name, clock::now());
        Ok(AppToken { token, lasts_s: app_token::LASTS.as_secs() })
    }

    pub(super) async fn recover(&self, sender: &Sender, wish: Recovery) -> Result<Session, Problem> {
        let _one = self.door.lock().await;
        self.may_try(sender)?;
        let owner = self.owner()?;
        let used = recovery::hash(&wish.code);
        if !owner.recovery.contains(&used) && !self.was_offered(&wish.code) {
            self.wrong(sender);
            return Err(Kind::WrongCode.into());
        }
        setup::good_password(&wish.password, &[&owner.name, &network::name()])?;
        let hash = self.hash(wish.password).await?;
        let taken = |owner: &mut Owner| {
            owner.recovery.retain(|code| *code != used);
            owner.password = hash;
        };
        self.keeper.change(|state| with_owner(state, taken)).await?;
        let mut memory = self.memory();
        memory.offered = None;
        memory.sessions.end_others(None);
        drop(memory);
        self.happened(EventKind::PasswordChanged, sender);
        self.begin(Role::Owner)
    }

    /// Whether the button shows this code.
    fn was_offered(&self, code: &str) -> bool {
        let mut memory = self.memory();
        memory
            .offered
            .as_mut()
            .is_some_and(|offered| offered.judge(code, clock::uptime()) == Judgement::Right)
    }

    /// Makes a code for whoever stands before the device, and says how it is used. It takes the place of an earlier one.
    ///
    /// # Errors
    /// When nobody owns the device, or there is no randomness.
    pub fn offer_code(&self) -> Result<String, Problem> {
        self.owner()?;
        let random = random::bytes().map_err(failed)?;
        let offered = OneTime::new(random, clock::uptime());
        let sentence = format!(
            "One-time code {} for a new password: enter it at https://{}.local:8443, Lost password, within {} minutes.",
            offered.digits(),
            network::name(),
            one_time::LASTS.as_secs() / 60
        );
        self.memory().offered = Some(offered);
        Ok(sentence)
    }

    /// The code that is good now.
    #[must_use]
    pub fn offered_code(&self) -> Option<String> {
        let now = clock::uptime();
        self.memory().offered.as_ref().filter(|code| code.holds(now)).map(|code| code.digits().to_owned())
    }

    pub(super) async fn change_password(&self, sender: &Sender, wish: PasswordChange) -> Result<(), Problem> {
        let owner = self.confirm_password(sender, wish.current).await?;
        setup::good_password(&wish.new, &[&owner.name, &network::name()])?;
        let hash = self.hash(wish.new).await?;
        self.keeper.change(|state| with_owner(state, |owner| owner.password = hash)).await?;
        self.right(sender);
        self.memory().sessions.end_others(session_of(sender));
        self.happened(EventKind::PasswordChanged, sender);
        Ok(())
    }

    /// That whoever is signed in is the owner, and did not only leave a browser open.
    pub(super) async fn confirm_password(&self, sender: &Sender, password: String) -> Result<Owner, Problem> {
        let _one = self.door.lock().await;
        self.may_try(sender)?;
        let owner = self.owner()?;
        if !self.verify(password, owner.password.clone()).await? {
            self.wrong(sender);
            return Err(Problem::new(Kind::WrongPassword, "Your password is another one."));
        }
        self.right(sender);
        Ok(owner)
    }

    pub(super) fn sign_out(&self, sender: &Sender) {
        if let Some(id) = session_of(sender) {
            self.memory().sessions.end(id);
        }
    }

    pub(super) fn who_am_i(&self, asker: &Asker) -> WhoAmI {
        let role = if let Asker::Session(role) = asker { *role } else { Role::Setup };
        let name = self.state().owner.as_ref().map(|owner| owner.name.clone());
        WhoAmI { role, name: name.filter(|_| role == Role::Owner), csrf: None }
    }

    fn owner(&self) -> Result<Owner, Problem> {
        self.state().owner.clone().ok_or_else(|| Kind::NotOwnedYet.into())
    }

    fn may_try(&self, sender: &Sender) -> Result<(), Problem> {
        let Some(peer) = sender.peer else { return Ok(()) };
        let wait = self.memory().sign_ins.wait(peer, clock::uptime());
        if wait.is_zero() { Ok(()) } else { Err(Problem::wait(wait)) }
    }

    fn wrong(&self, sender: &Sender) {
        if let Some(peer) = sender.peer {
            self.memory().sign_ins.wrong(peer, clock::uptime());
        }
        self.happened(EventKind::SignInRefused, sender);
    }

    fn right(&self, sender: &Sender) {
        if let Some(peer) = sender.peer {
            self.memory().sign_ins.right(peer);
        }
    }

    pub(super) async fn hash(&self, text: String) -> Result<String, Problem> {
        let done = tokio::task::spawn_blocking(move || password::hash(&text)).await;
        done.map_err(failed)?.map_err(failed)
    }

    async fn verify(&self, text: String, hash: String) -> Result<bool, Problem> {
        let done = tokio::task::spawn_blocking(move || password::verify(&text, &hash)).await;
        done.map_err(failed)?.map_err(failed)
    }
}

fn session_of(sender: &Sender) -> Option<SessionId> {
    if let Credential::Session(secret) = &sender.credential { Some(SessionId::of(secret)) } else { None }
}

fn with_owner(state: &mut State, change: impl FnOnce(&mut Owner)) -> Result<(), Problem> {
    change(state.owner.as_mut().ok_or(Kind::NotOwnedYet)?);
    Ok(())
}
