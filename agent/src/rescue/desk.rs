//! The desk of rescue: who signs in, and what is done for them. Who may ask is decided in `tayberry_core::rescue`.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tayberry_core::access::Asker;
use tayberry_core::certificate::{self, Facts, Leaf};
use tayberry_core::limits::Limits;
use tayberry_core::request::owner::{Credentials, Role, Session, WhoAmI};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::rescue::{Cause, Erase, Rescue, RescueSlot};
use tayberry_core::request::setup::{Authority as ShownAuthority, Overview, Phase};
use tayberry_core::request::{Delivery, Request};
use tayberry_core::session::{SessionId, Sessions};
use tayberry_core::{clock as decide, rescue};
use tayberry_format::boot_counter::Counter;
use tayberry_format::boot_report::BootReport;
use tayberry_format::claim::ClaimCode;
use tayberry_format::slot::Slot;
use tayberry_format::state::State;

use super::look::Found;
use super::updates::Updates;
use super::{RescueError, data, export, power};
use crate::desk::{Answers, Credential, Sender, failed, json};
use crate::device::authority::{self, Authority, AuthorityError};
use crate::device::store::{FOLDER, Store};
use crate::device::{clock, network, password, random, reset, system};

/// What is known only while rescue runs.
#[derive(Default)]
struct Memory {
    sessions: Sessions,
    tries: Limits,
    held: Option<Leaf>,
    signed_in: bool,
}

/// The desk.
pub(super) struct Desk {
    pub(super) disk: String,
    pub(super) cause: Cause,
    /// Proves that somebody sees the screen. Made anew at each start of rescue.
    pub(super) code: ClaimCode,
    found: Found,
    state: State,
    data_problem: Option<String>,
    authority: Authority,
    build: i64,
    updates: Updates,
    memory: Mutex<Memory>,
    /// One password or code at a time: hashing takes memory, and limits must count before the next is looked at.
    door: tokio::sync::Mutex<()>,
}

impl Desk {
    /// Opens what there is of the device's state. Without it, only the code on the screen signs in.
    pub(super) fn open(
        report: &BootReport,
        found: Found,
        cause: Cause,
        build: i64,
    ) -> Result<Self, RescueError> {
        let data_problem = data::mount_read_only(&report.data).err();
        let state = match Store::new(FOLDER).load() {
            Ok(settled) => settled.state,
            Err(error) => {
                tracing::error!("{error}");
                State::default()
            }
        };
        let name = state.hostname.as_ref().map_or("tayberry", |name| name.as_ref());
        nix::unistd::sethostname(name).map_err(std::io::Error::from)?;
        let authority = match authority::read(Path::new(authority::FILE)) {
            Ok(Some(authority)) => authority,
            missing => {
                if let Err(error) = missing {
                    tracing::error!("{error}");
                }
                Authority::new(build)?
            }
        };
        Ok(Self {
            disk: report.disk.clone(),
            cause,
            code: ClaimCode::from_random(random::bytes()?),
            updates: Updates::new(report.disk.clone(), found.default),
            found,
            state,
            data_problem,
            authority,
            build,
            memory: Mutex::default(),
            door: tokio::sync::Mutex::default(),
        })
    }

    /// The host name.
    pub(super) fn name(&self) -> String {
        network::name()
    }

    /// SHA-256 of the authority's certificate.
    pub(super) fn fingerprint(&self) -> String {
        self.authority.fingerprint()
    }

    pub(super) fn is_default_whole(&self) -> bool {
        self.found.of(self.found.default).is_ok()
    }

    pub(super) fn was_signed_in(&self) -> bool {
        self.memory().signed_in
    }

    fn facts(&self) -> Facts {
        Facts {
            hostnames: vec![network::name()],
            addresses: network::addresses(),
            source: decide::at_start(clock::now(), self.build),
            now: clock::now(),
            build: self.build,
        }
    }

    /// Whether the front should ask for another certificate.
    pub(super) fn must_certify(&self) -> bool {
        let facts = self.facts();
        self.memory().held.as_ref().is_none_or(|held| certificate::must_renew(held, &facts))
    }

    /// A certificate for the front's key, and the authority's; DER.
    pub(super) fn certify(&self, public_key: &[u8]) -> Result<Vec<Vec<u8>>, AuthorityError> {
        let leaf = certificate::wanted(&self.facts());
        let signed = self.authority.sign(&leaf, public_key)?;
        self.memory().held = Some(leaf);
        Ok(vec![signed, self.authority.der.clone()])
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, sender: &Sender, request: &Request) -> Result<(), Problem> {
        let asker = match &sender.credential {
            Credential::Session(secret) => {
                let role = self.memory().sessions.look(SessionId::of(secret), clock::uptime());
                role.map_or(Asker::Nobody, Asker::Session)
            }
            _ => Asker::Nobody,
        };
        Ok(rescue::check(&asker, request)?)
    }

    fn overview(&self) -> Overview {
        let owned = self.state.owner.is_some();
        Overview {
            phase: if owned { Phase::Rescue } else { Phase::RescueWithoutOwner },
            name: network::name(),
            version: system::version().to_owned(),
            language: self.state.owner.as_ref().map(|_| self.state.language),
            time_known: decide::is_known(self.facts().source),
            now: clock::now(),
            authority_fingerprint: self.fingerprint(),
            addresses: network::addresses(),
            setup_network: false,
            domain: None,
        }
    }

    fn rescue(&self) -> Rescue {
        let slot = |slot: Slot| RescueSlot {
            slot: slot.to_string(),
            default: slot == self.found.default,
            problem: self.found.of(slot).as_ref().err().cloned(),
        };
        Rescue {
            cause: self.cause,
            sentence: self.cause.sentence().to_owned(),
            slots: Slot::ALL.map(slot).to_vec(),
            data_problem: self.data_problem.clone(),
            name: network::name(),
        }
    }

    async fn sign_in(&self, sender: &Sender, wish: Credentials) -> Result<Session, Problem> {
        let owner = self.state.owner.clone().ok_or(Kind::NotOwnedYet)?;
        let same_name = wish.name.trim().to_lowercase() == owner.name.to_lowercase();
        let right = async {
            // Hashed in any case: how long the answer takes must not tell whether the name was right.
            let verified =
                tokio::task::spawn_blocking(move || password::verify(&wish.password, &owner.password));
            Ok(verified.await.map_err(failed)?.map_err(failed)? && same_name)
        };
        self.pass(sender, Kind::WrongPassword, right).await
    }

    /// Lets somebody in who proves to be right, and slows down who does not.
    async fn pass(
        &self,
        sender: &Sender,
        wrong: Kind,
        right: impl Future<Output = Result<bool, Problem>>,
    ) -> Result<Session, Problem> {
        let _one = self.door.lock().await;
        let now = clock::uptime();
        let peer = sender.peer.ok_or(Kind::Forbidden)?;
        let wait = self.memory().tries.wait(peer, now);
        if !wait.is_zero() {
            return Err(Problem::wait(wait));
        }
        if !right.await? {
            tracing::warn!(%peer, "refused");
            self.memory().tries.wrong(peer, now);
            return Err(wrong.into());
        }
        tracing::info!(%peer, "signed in");
        let random = random::bytes().map_err(failed)?;
        let mut memory = self.memory();
        memory.tries.right(peer);
        memory.signed_in = true;
        let secret = memory.sessions.begin(random, Role::Owner, now);
        let lasts_s = tayberry_core::session::longest(Role::Owner).as_secs();
        Ok(Session { secret, role: Role::Owner, lasts_s })
    }

    /// The archive of all data goes to `file`, which is read while it is written.
    pub(super) async fn export(&self, sender: &Sender, file: File) -> Result<Value, Problem> {
        self.check(sender, &Request::Export)?;
        if let Some(why) = &self.data_problem {
            return Err(Problem::new(Kind::Failed, why.clone()));
        }
        let name = format!("{}-data", network::name());
        let written = tokio::task::spawn_blocking(move || {
            export::write(Path::new(data::VAR), Path::new(&name), std::io::BufWriter::new(file))
        });
        json(written.await.map_err(failed)?.map_err(failed)?)
    }

    /// Starts the default slot, whatever it is now.
    fn start_again(&self) {
        power::restart_soon(&self.disk, Counter { retried: true, ..Counter::default() });
    }

    /// Makes `slot` the default and starts it.
    async fn start(&self, slot: Slot) -> Result<(), Problem> {
        let default = self.found.default;
        let damaged = Some(default).filter(|default| *default != slot && self.found.of(*default).is_err());
        let counter = Counter { left: damaged, ..Counter::default() };
        self.updates.leave()?;
        if let Err(why) = power::make_default(&self.disk, slot, counter).await {
            self.updates.stay();
            return Err(Problem::new(Kind::UpdateFailed, why));
        }
        power::restart_soon(&self.disk, counter);
        Ok(())
    }

    async fn factory_reset(&self, wish: &Erase) -> Result<(), Problem> {
        wish.means(&network::name())?;
        reset::begin(&self.disk).await.map_err(failed)?;
        self.start_again();
        Ok(())
    }
}

impl Answers for Desk {
    async fn answer(&self, sender: &Sender, request: Request) -> Result<Value, Problem> {
        self.check(sender, &request)?;
        match request {
            Request::Overview => json(self.overview()),
            Request::Authority => json(ShownAuthority {
                pem: self.authority.pem.clone(),
                fingerprint: self.authority.fingerprint(),
            }),
            Request::SignIn(credentials) => json(self.sign_in(sender, credentials).await?),
            Request::Claim(claim) => {
                let right = std::future::ready(Ok(self.code.matches(&claim.code)));
                json(self.pass(sender, Kind::WrongCode, right).await?)
            }
            Request::WhoAmI => {
                let name = self.state.owner.as_ref().map(|owner| owner.name.clone());
                json(WhoAmI { role: Role::Owner, name, csrf: None })
            }
            Request::SignOut => {
                if let Credential::Session(secret) = &sender.credential {
                    self.memory().sessions.end(SessionId::of(secret));
                }
                Ok(Value::Null)
            }
            Request::Rescue => json(self.rescue()),
            Request::Updates => json(self.updates.look()),
            Request::CancelUpdate => json(self.updates.cancel().await?),
            Request::RestartIntoUpdate(_) => {
                self.start(self.updates.staged()?).await?;
                json(self.updates.look())
            }
            Request::RollBack(_) => {
                self.start(self.found.default.other()).await?;
                json(self.updates.look())
            }
            Request::StartAgain => {
                self.start_again();
                Ok(Value::Null)
            }
            Request::FactoryReset(wish) => json(self.factory_reset(&wish).await?),
            _ => Err(Kind::InRescue.into()),
        }
    }

    async fn receive(&self, sender: &Sender, delivery: Delivery, file: File) -> Result<Value, Problem> {
        self.check(sender, &delivery.request())?;
        match delivery {
            Delivery::Update(piece) => json(self.updates.receive(piece, file).await?),
            Delivery::Images(_) => Err(Kind::InRescue.into()),
        }
    }
}
