//! The desk: every request of the page, of scripts and of the command line is answered here. Who may ask is decided in
//! `tayberry-core::access`; each file answers one part. Where a request came from is left to `service`.

mod claim;
mod domain;
mod identity;
mod metrics;
mod network;
mod owner;
mod reset;
mod settings;
mod stack;
mod status;
mod tokens;
mod updates;

pub(crate) use domain::Shown;

use std::fs::File;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tayberry_core::access::{self, Asker};
use tayberry_core::certificate::Leaf;
use tayberry_core::limits::Limits;
use tayberry_core::one_time::OneTime;
use tayberry_core::request::owner::Role;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::setup::RecoveryCodes;
use tayberry_core::request::status::{Event, EventKind, TimeSource};
use tayberry_core::request::{Delivery, Request};
use tayberry_core::session::{SessionId, Sessions};
use tayberry_format::state::State;
use tokio::sync::watch;

use crate::device::app_key::AppKey;
use crate::device::authority::Authority;
use crate::device::clock;
use crate::keeper::Keeper;
use crate::service::Status;

/// What came with a request to prove who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Nothing,
    /// A session's secret.
    Session(String),
    /// A token's secret.
    Token(String),
    /// The system bus says that root asks.
    Root,
}

/// Where a request came from.
#[derive(Clone)]
pub struct Sender {
    /// Address of the browser or script; none for programs on the device.
    pub peer: Option<IpAddr>,
    /// Address of the device at which it arrived.
    pub local: Option<IpAddr>,
    /// Proof.
    pub credential: Credential,
}

/// Whoever answers requests: this desk, or that of rescue.
pub(crate) trait Answers: Send + Sync {
    /// Answers.
    ///
    /// # Errors
    /// With the problem to show.
    fn answer(
        &self,
        sender: &Sender,
        request: Request,
    ) -> impl Future<Output = Result<Value, Problem>> + Send;

    /// Takes a delivery from `file`.
    ///
    /// # Errors
    /// With the problem to show.
    fn receive(
        &self,
        sender: &Sender,
        delivery: Delivery,
        file: File,
    ) -> impl Future<Output = Result<Value, Problem>> + Send;
}

/// What is known only while the agent runs.
#[derive(Default)]
struct Memory {
    sessions: Sessions,
    claims: Limits,
    sign_ins: Limits,
    /// Codes of the setup that runs.
    codes: Option<RecoveryCodes>,
    /// What the button offered last.
    offered: Option<OneTime>,
    last_event: Option<Event>,
    /// The browser's hint was taken.
    hinted: bool,
    /// The certificate that the front has.
    held: Option<Leaf>,
}

/// What the device signs with.
pub struct Keys {
    /// Certificates.
    pub authority: Authority,
    /// Tokens for applications of the stack.
    pub app: AppKey,
}

/// The loops that answer for their parts.
#[derive(Clone)]
pub struct Loops {
    /// Networks.
    pub network: crate::loops::network::Handle,
    /// Updates.
    pub updates: crate::loops::updates::Handle,
    /// The stack.
    pub stack: crate::loops::stack::Handle,
    /// The owner's domain.
    pub domain: crate::loops::domain::Handle,
    /// Temperatures and the fan.
    pub thermal: crate::loops::thermal::Handle,
    /// The watchdogs' test.
    pub self_test: crate::loops::self_test::Handle,
    /// Drives and the supply.
    pub hardware: crate::loops::hardware::Handle,
}

/// The desk.
pub struct Desk {
    keeper: Keeper,
    network: crate::loops::network::Handle,
    updates: crate::loops::updates::Handle,
    stack: crate::loops::stack::Handle,
    domain: crate::loops::domain::Handle,
    thermal: crate::loops::thermal::Handle,
    hardware: crate::loops::hardware::Handle,
    self_test: crate::loops::self_test::Handle,
    keys: Keys,
    /// When the operating system was built.
    build: i64,
    /// Where the time came from when the agent started.
    source: TimeSource,
    board: Status,
    notices: Vec<String>,
    memory: Mutex<Memory>,
    /// One password or code at a time: hashing takes memory, and limits must count before the next is looked at.
    door: tokio::sync::Mutex<()>,
    /// The browser's time was taken.
    time_set: tokio::sync::Notify,
}

impl Answers for Desk {
    async fn answer(&self, sender: &Sender, request: Request) -> Result<Value, Problem> {
        let asker = self.asker(sender);
        access::check(&asker, &request, self.state().owner.is_some())?;
        match request {
            Request::Overview => json(self.overview()),
            Request::Authority => json(self.shown_authority()),
            Request::Claim(claim) => json(self.claim(sender, &claim).await?),
            Request::JudgePassword(wish) => json(self.judge(&wish)),
            Request::MakeRecoveryCodes => json(self.make_recovery_codes()?),
            Request::FinishSetup(answers) => json(self.finish_setup(sender, *answers).await?),
            Request::SignIn(credentials) => json(self.sign_in(sender, credentials).await?),
            Request::Recover(recovery) => json(self.recover(sender, recovery).await?),
            Request::SignOut => {
                self.sign_out(sender);
                Ok(Value::Null)
            }
            Request::WhoAmI => json(self.who_am_i(&asker)),
            Request::ChangePassword(change) => json(self.change_password(sender, change).await?),
            Request::Status => json(self.status().await?),
            Request::Metrics => json(self.metrics().await?),
            Request::SelfTest(stages) => json(self.self_test(stages).await?),
            Request::Settings => json(self.settings()),
            Request::ChangeSettings(change) => json(self.change_settings(sender, change).await?),
            Request::Domain(act) => json(self.act_on_domain(sender, act).await?),
            Request::DomainProof(which) => json(self.domain_proof(&which)?),
            Request::MakeAppToken => json(self.make_app_token()?),
            Request::Tokens => json(self.tokens()),
            Request::CreateToken(wish) => json(self.create_token(sender, wish).await?),
            Request::RevokeToken(which) => json(self.revoke_token(sender, &which).await?),
            Request::Network => json(self.network().await?),
            Request::JoinWifi(choice) => json(self.join_wifi(choice).await?),
            Request::LeaveWifi => json(self.leave_wifi().await?),
            Request::ConfirmNetwork(which) => json(self.confirm_network(sender, &which).await?),
            Request::Updates => json(self.updates.look()),
            Request::ReceiveUpdate(_) | Request::LoadImages(_) => {
                Err(Problem::new(Kind::BadRequest, "A file comes with a file descriptor."))
            }
            Request::CancelUpdate => json(self.updates.cancel().await?),
            Request::RestartIntoUpdate(wish) => json(self.restart_into_update(sender, wish).await?),
            Request::CheckForUpdate => json(self.updates.check().await?),
            Request::InstallUpdate(wish) => json(self.install_update(sender, wish)?),
            Request::RollBack(wish) => json(self.roll_back(sender, wish).await?),
            Request::Stack => json(self.stack().await?),
            Request::StackLog(which) => json(self.stack_log(&which).await?),
            Request::PlanStack(file) => json(self.plan_stack(&file).await?),
            Request::ApplyStack(file) => json(self.apply_stack(sender, file).await?),
            Request::ApplySystemStack => json(self.apply_system_stack(sender).await?),
            Request::RollBackStack => json(self.roll_back_stack(sender).await?),
            Request::RemoveStack => json(self.remove_stack(sender).await?),
            Request::RestartService(which) => json(self.stack.restart(&which).await?),
            Request::RenewSecrets(which) => json(self.renew_secrets(sender, which).await?),
            Request::StackData => json(self.stack.data().await?),
            Request::StackImages => json(self.stack.images()?),
            Request::Registries => json(self.stack.registries()?),
            Request::TrustRegistry(trust) => json(self.trust_registry(sender, &trust)?),
            Request::RemoveStored(which) => json(self.remove_stored(sender, which).await?),
            Request::FactoryReset(wish) => json(self.factory_reset(sender, wish).await?),
            Request::Rescue | Request::Export | Request::StartAgain => Err(Kind::NotInRescue.into()),
        }
    }

    async fn receive(&self, sender: &Sender, delivery: Delivery, file: File) -> Result<Value, Problem> {
        access::check(&self.asker(sender), &delivery.request(), self.state().owner.is_some())?;
        match delivery {
            Delivery::Update(piece) => self.take(sender, piece, file).await,
            Delivery::Images(archive) => json(self.load_images(sender, archive, file).await?),
        }
    }
}

impl Desk {
    /// A desk.
    #[must_use]
    pub fn new(
        keeper: Keeper,
        loops: Loops,
        keys: Keys,
        build: i64,
        board: Status,
        notices: Vec<String>,
    ) -> Self {
        let source = tayberry_core::clock::at_start(clock::now(), build);
        let memory = Memory {
            last_event: Some(Event { at: clock::now(), kind: EventKind::Started, from: None }),
            ..Memory::default()
        };
        Self {
            keeper,
            network: loops.network,
            updates: loops.updates,
            stack: loops.stack,
            domain: loops.domain,
            thermal: loops.thermal,
            hardware: loops.hardware,
            self_test: loops.self_test,
            keys,
            build,
            source,
            board,
            notices,
            memory: Mutex::new(memory),
            door: tokio::sync::Mutex::default(),
            time_set: tokio::sync::Notify::new(),
        }
    }

    /// Who asks, as far as it was proved.
    fn asker(&self, sender: &Sender) -> Asker {
        match &sender.credential {
            Credential::Nothing => Asker::Nobody,
            Credential::Root => Asker::Root,
            Credential::Session(secret) => {
                let role = self.memory().sessions.look(SessionId::of(secret), clock::uptime());
                role.map_or(Asker::Nobody, Asker::Session)
            }
            Credential::Token(secret) => {
                let state = self.state();
                let token = tayberry_core::tokens::find(&state.token, secret, clock::now());
                token.map_or(Asker::Nobody, |token| Asker::Token(token.scopes.clone()))
            }
        }
    }

    /// Tells of changes of the state, and of updates.
    #[must_use]
    pub fn watches(&self) -> (watch::Receiver<Arc<State>>, watch::Receiver<()>) {
        (self.keeper.watch(), self.updates.watch())
    }

    fn state(&self) -> Arc<State> {
        self.keeper.get()
    }

    /// The memory is a set of values, each whole by itself: a thread that panicked leaves nothing half done.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happened, for the status page and the journal.
    fn happened(&self, kind: EventKind, sender: &Sender) {
        tracing::info!(?kind, from = ?sender.peer, "event");
        self.memory().last_event = Some(Event { at: clock::now(), kind, from: sender.peer });
    }

    /// Begins a session.
    fn begin(&self, role: Role) -> Result<tayberry_core::request::owner::Session, Problem> {
        let random = crate::device::random::bytes().map_err(failed)?;
        let secret = self.memory().sessions.begin(random, role, clock::uptime());
        let lasts_s = tayberry_core::session::longest(role).as_secs();
        Ok(tayberry_core::request::owner::Session { secret, role, lasts_s })
    }
}

pub(crate) fn json(answer: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(answer).map_err(failed)
}

/// A problem of the device's own; the journal has it too.
pub(crate) fn failed(error: impl std::fmt::Display) -> Problem {
    tracing::error!("{error}");
    Problem::new(Kind::Failed, error.to_string())
}
