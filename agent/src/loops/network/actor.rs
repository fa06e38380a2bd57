//! The task: hears news and questions, looks, decides in `tayberry-core`, acts.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tayberry_core::network::profile::{self, FOLDER};
use tayberry_core::network::reason;
use tayberry_core::network::setup::{Facts, Setup};
use tayberry_core::network::trial::{self, Effect, Event, Link};
use tayberry_core::request::network::{InterfaceKind, JoinFailure, WifiNetwork};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_format::preseed::Wifi;
use tayberry_format::state::{SetupNetwork, State};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use zbus::Connection;

use super::{Ask, cannot_join};
use crate::device::network::manager::{Manager, ManagerError, Seen};
use crate::device::network::news::News;
use crate::device::network::{addresses, addresses_of, files};
use crate::device::store::StoreError;
use crate::keeper::Keeper;

/// `NM_DEVICE_STATE_FAILED`.
const FAILED: u32 = 120;
/// After so long everything is looked at again though nothing was heard, and what failed is tried again.
const AGAIN: Duration = Duration::from_secs(15);
/// The same while nothing is wrong.
const QUIET: Duration = Duration::from_secs(600);

/// What others may watch.
pub(super) struct Shown {
    pub(super) addresses: watch::Sender<Vec<IpAddr>>,
    pub(super) open: watch::Sender<bool>,
    pub(super) name: watch::Sender<String>,
}

/// The task's own memory.
pub(super) struct Actor {
    pub(super) keeper: Keeper,
    pub(super) manager: Manager,
    shown: Shown,
    begun: Instant,
    pub(super) trial: trial::State,
    setup: Setup,
    pub(super) failure: Option<JoinFailure>,
    /// What was last in reach: an open setup network deafens the radio.
    pub(super) heard: Vec<WifiNetwork>,
    /// The country that the radio was told.
    pub(super) country: Option<String>,
    /// The last look or act failed.
    trouble: bool,
}

impl Actor {
    pub(super) fn new(keeper: Keeper, bus: Connection, shown: Shown) -> Self {
        Self {
            keeper,
            manager: Manager::new(bus),
            shown,
            begun: Instant::now(),
            trial: trial::State::default(),
            setup: Setup::default(),
            failure: None,
            heard: Vec::new(),
            country: None,
            trouble: false,
        }
    }

    pub(super) async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        mut news: mpsc::Receiver<News>,
    ) -> Infallible {
        let mut state = self.keeper.watch();
        loop {
            self.turn().await;
            tokio::select! {
                Some(ask) = asks.recv() => self.answer(ask, &mut news).await,
                Some(first) = news.recv() => self.hear(first, &mut news).await,
                _ = state.changed() => {}
                () = tokio::time::sleep_until(self.wake()) => {}
            }
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// When something is to be decided though nothing happens.
    fn wake(&self) -> Instant {
        let now = self.now();
        // What was due before now was decided in this turn already, if only to go on as before.
        let due = [self.trial.wake(), self.setup.wake()].into_iter().flatten().filter(|time| *time > now);
        let decided = due.min();
        let quiet = now + if self.trouble { AGAIN } else { QUIET };
        self.begun + decided.map_or(quiet, |time| time.min(quiet))
    }

    /// Takes in all news that there is; one look suffices for all of it.
    async fn hear(&mut self, first: News, news: &mut mpsc::Receiver<News>) {
        let mut next = Some(first);
        while let Some(one) = next {
            if let News::Device { path, state: FAILED, reason } = one
                && let trial::State::Trying(trying) = &self.trial
            {
                let secured = trying.wanted.as_ref().is_some_and(|wifi| wifi.password.is_some());
                let radio = self.manager.devices().await.unwrap_or_default().into_iter();
                if radio.filter(is_radio).any(|device| device.path == path) {
                    tracing::info!(reason, "the network on trial was not joined");
                    self.happen(Event::Failed(reason::of(reason, secured))).await;
                }
            }
            next = news.try_recv().ok();
        }
    }

    async fn answer(&mut self, ask: Ask, news: &mut mpsc::Receiver<News>) {
        match ask {
            Ask::Look(answer) => drop(answer.send(self.view().await)),
            Ask::Change(wanted, answer) => {
                let begun = self.change(wanted, news).await;
                let shown = match begun {
                    Ok(()) => self.view().await,
                    Err(problem) => Err(problem),
                };
                drop(answer.send(shown));
            }
            Ask::Confirm { id, local, answer } => {
                let kept = trial::keeps(&self.links().await, local);
                let done = match trial::next(&self.trial, Event::Confirmed { id, kept }, self.now()) {
                    Ok((state, effect)) => self.enter(state, effect).await,
                    Err(trial::Rejected::NoTrial) => Err(Problem::from(Kind::NothingToConfirm)),
                    Err(trial::Rejected::OtherNetwork) => Err(Problem::from(Kind::OtherNetwork)),
                };
                drop(answer.send(done));
            }
        }
    }

    /// Begins a trial.
    async fn change(&mut self, wanted: Option<Wifi>, news: &mut mpsc::Receiver<News>) -> Result<(), Problem> {
        let devices = self.manager.devices().await.map_err(failed)?;
        if wanted.is_some() && !devices.iter().any(is_radio) {
            return Err(cannot_join(JoinFailure::NoRadio));
        }
        let id = hex::encode(crate::device::random::bytes::<16>().map_err(failed)?);
        self.failure = None;
        self.happen(Event::Asked { id, wanted }).await;
        // What the radio did before is not about this trial.
        while news.try_recv().is_ok() {}
        self.failure.map_or(Ok(()), |failure| Err(cannot_join(failure)))
    }

    /// An event that nobody waits for; the table rejects confirmations only.
    async fn happen(&mut self, event: Event) {
        if let Ok((state, effect)) = trial::next(&self.trial, event, self.now())
            && let Err(problem) = self.enter(state, effect).await
        {
            tracing::error!("network: {}", problem.detail.unwrap_or(problem.title));
        }
    }

    /// The one place where the trial's state changes. What is to be kept is on the disk before it counts.
    async fn enter(&mut self, state: trial::State, effect: Effect) -> Result<(), Problem> {
        match effect {
            Effect::Nothing => {}
            Effect::Try(wanted) => {
                tracing::info!(?wanted, "a change of network is on trial");
                self.trial = state;
                self.setup = self.setup.paused();
                if let Err(error) = self.bring_about(true).await {
                    tracing::warn!("{error}");
                    self.trial = trial::State::Stable;
                    self.failure = Some(JoinFailure::Other);
                    return self.bring_about(true).await.map_err(failed);
                }
            }
            Effect::Keep(wanted) => {
                tracing::info!(?wanted, "the change of network is kept");
                let change = |kept: &mut State| {
                    kept.wifi = wanted;
                    Ok::<_, StoreError>(())
                };
                self.keeper.change(change).await.map_err(failed)?;
                self.trial = state;
            }
            Effect::Revert(why) => {
                tracing::info!(?why, "the network is as it was before");
                self.trial = state;
                self.failure = Some(why);
                self.bring_about(true).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Looks at everything and does what is due.
    async fn turn(&mut self) {
        self.happen(Event::Time).await;
        let done = self.look_and_act().await;
        // NetworkManager starts later than the agent: that is said once.
        match &done {
            Err(error) if !self.trouble => tracing::warn!("{error}"),
            Err(error) => tracing::debug!("{error}"),
            Ok(()) => {}
        }
        self.trouble = done.is_err();
        show(&self.shown.addresses, addresses());
        if let Ok(name) = self.manager.announced().await
            && !name.is_empty()
        {
            show(&self.shown.name, name);
        }
    }

    async fn look_and_act(&mut self) -> Result<(), ManagerError> {
        let devices = self.manager.devices().await?;
        let radio = devices.iter().find(|device| is_radio(device));
        let state = self.settle_setup_network(radio.is_some()).await;
        let uuid = state.setup_network.as_ref().map(profile::setup_uuid);
        let is_own = |device: &Seen| {
            device
                .active
                .as_ref()
                .is_some_and(|(_, active)| uuid.as_ref().is_some_and(|own| own.as_ref() == active))
        };
        let guests = match radio.filter(|radio| is_own(radio)) {
            Some(radio) => self.manager.guests(radio).await.unwrap_or_default(),
            None => 0,
        };
        let facts = Facts {
            owned: state.owner.is_some(),
            radio: radio.is_some() && uuid.is_some(),
            connected: devices.iter().any(|device| device.connected && !is_own(device)),
            wanted: state.wifi.is_some(),
            trial: matches!(self.trial, trial::State::Trying(_)),
            guests,
        };
        let next = self.setup.next(facts, self.now());
        if next.is_open() != self.setup.is_open() {
            tracing::info!(open = next.is_open(), "setup network");
        }
        self.setup = next;
        show(&self.shown.open, next.is_open());
        self.bring_about(false).await
    }

    /// Makes name and passphrase of the setup network once, where there is a radio, and drops them when there is an
    /// owner.
    async fn settle_setup_network(&mut self, radio: bool) -> Arc<State> {
        let state = self.keeper.get();
        let wanted = match (&state.owner, &state.setup_network) {
            (Some(_), Some(_)) => None,
            (None, None) if radio => match crate::device::random::bytes().map(SetupNetwork::from_random) {
                Ok(made) => made,
                Err(error) => {
                    tracing::error!("no random bytes: {error}");
                    return state;
                }
            },
            _ => return state,
        };
        let change = |state: &mut State| {
            // The owner may have come in between.
            state.setup_network = wanted.filter(|_| state.owner.is_none());
            Ok::<_, StoreError>(())
        };
        if let Err(error) = self.keeper.change(change).await {
            tracing::error!("{error}");
        }
        self.keeper.get()
    }

    /// Makes NetworkManager's files and the radio as the state, the trial and the setup network want them. `changed`
    /// says that the wireless network is another one: it is joined at once. Otherwise NetworkManager tries by itself.
    pub(super) async fn bring_about(&mut self, changed: bool) -> Result<(), ManagerError> {
        let state = self.wanted_state();
        let written = files::write(Path::new(FOLDER), &profile::render(&state)).unwrap_or_else(|error| {
            tracing::error!("{FOLDER}: {error}");
            false
        });
        if written {
            self.manager.reload().await?;
        }
        let devices = self.manager.devices().await?;
        let Some(radio) = devices.iter().find(|device| is_radio(device)) else { return Ok(()) };
        self.tune(radio, &state, changed).await
    }

    /// The state as it would be if the trial were kept.
    fn wanted_state(&self) -> State {
        let mut state = State::clone(&self.keeper.get());
        if let trial::State::Trying(trying) = &self.trial {
            state.wifi.clone_from(&trying.wanted);
        }
        state
    }

    pub(super) const fn setup_is_open(&self) -> bool {
        self.setup.is_open()
    }

    /// The interfaces as far as a trial is concerned.
    pub(super) async fn links(&self) -> Vec<Link> {
        let wanted = match &self.trial {
            trial::State::Trying(trying) => trying.wanted.as_ref().map(profile::wifi_uuid),
            trial::State::Stable => None,
        };
        let devices = self.manager.devices().await.unwrap_or_default();
        let link = |device: Seen| Link {
            radio: is_radio(&device),
            in_trial: device
                .active
                .is_some_and(|(_, active)| wanted.as_ref().is_some_and(|uuid| uuid.as_ref() == active)),
            addresses: addresses_of(&device.name),
        };
        devices.into_iter().map(link).collect()
    }
}

/// Tells those who watch, if it is another value.
fn show<T: PartialEq>(shown: &watch::Sender<T>, value: T) {
    shown.send_if_modified(|before| {
        let differs = *before != value;
        *before = value;
        differs
    });
}

pub(super) fn is_radio(device: &Seen) -> bool {
    device.kind == InterfaceKind::Wifi
}

pub(super) fn failed(error: impl std::fmt::Display) -> Problem {
    tracing::error!("{error}");
    Problem::new(Kind::Failed, error.to_string())
}
