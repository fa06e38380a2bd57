//! The network: one task that alone talks to NetworkManager, and a handle for everybody who wants something of it.

mod actor;
mod radio;
mod view;

use std::net::IpAddr;
use std::sync::Arc;

use tayberry_core::network::reason;
use tayberry_core::request::network::{JoinFailure, Network, WifiChoice};
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_format::preseed::Wifi;
use tayberry_format::state::{SetupNetwork, State};
use tokio::sync::{mpsc, oneshot, watch};
use zbus::Connection;

use crate::device::network::news;
use crate::keeper::Keeper;

/// Questions that may wait; whoever asks more than that waits, too.
const QUEUE: usize = 16;

/// One question and where its answer goes.
pub(crate) enum Ask {
    /// What there is.
    Look(Answer<Network>),
    /// Another wireless network, or none, on trial.
    Change(Option<Wifi>, Answer<Network>),
    /// The trial is good.
    Confirm {
        /// Names the trial.
        id: String,
        /// Address of the device at which this was asked.
        local: IpAddr,
        /// Where the answer goes.
        answer: Answer<()>,
    },
}

type Answer<T> = oneshot::Sender<Result<T, Problem>>;

/// The network, for everybody; clones share it.
#[derive(Clone)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
    keeper: Keeper,
    addresses: watch::Receiver<Vec<IpAddr>>,
    open: watch::Receiver<bool>,
    name: watch::Receiver<String>,
}

/// Tells when something changed; what, one looks up at the [`Handle`].
pub struct Changes {
    addresses: watch::Receiver<Vec<IpAddr>>,
    open: watch::Receiver<bool>,
    name: watch::Receiver<String>,
    state: watch::Receiver<Arc<State>>,
}

impl Changes {
    /// Waits for the next change. Should the network part have stopped, this waits for ever.
    pub async fn next(&mut self) {
        tokio::select! {
            Ok(()) = self.addresses.changed() => {}
            Ok(()) = self.open.changed() => {}
            Ok(()) = self.name.changed() => {}
            Ok(()) = self.state.changed() => {}
            else => std::future::pending().await,
        }
    }
}

/// Starts the task.
///
/// # Errors
/// When the bus or the kernel refuses.
pub async fn start(keeper: Keeper, bus: Connection) -> zbus::Result<Handle> {
    let (asks, asked) = mpsc::channel(QUEUE);
    let (addresses, addresses_seen) = watch::channel(crate::device::network::addresses());
    let (open, open_seen) = watch::channel(false);
    let (name, name_seen) = watch::channel(crate::device::network::name());
    let news = news::listen(&bus).await?;
    let actor = actor::Actor::new(keeper.clone(), bus, actor::Shown { addresses, open, name });
    tokio::spawn(actor.run(asked, news));
    Ok(Handle { asks, keeper, addresses: addresses_seen, open: open_seen, name: name_seen })
}

impl Handle {
    /// Interfaces and networks in reach.
    ///
    /// # Errors
    /// When NetworkManager does not answer.
    pub async fn network(&self) -> Result<Network, Problem> {
        self.ask(Ask::Look).await
    }

    /// Joins a wireless network, on trial; answers as soon as the trial began. That it failed later is in
    /// [`Network::failure`].
    ///
    /// # Errors
    /// `CannotJoin` when there is no radio.
    pub async fn join(&self, choice: WifiChoice) -> Result<Network, Problem> {
        let WifiChoice { ssid, password, country } = choice;
        self.ask(|answer| Ask::Change(Some(Wifi { ssid, password, country }), answer)).await
    }

    /// Forgets the wireless network, on trial.
    ///
    /// # Errors
    /// When NetworkManager does not answer.
    pub async fn leave(&self) -> Result<Network, Problem> {
        self.ask(|answer| Ask::Change(None, answer)).await
    }

    /// Keeps the change on trial. `local` is the address of the device at which this was asked.
    ///
    /// # Errors
    /// `NothingToConfirm` or `OtherNetwork`; the trial goes on.
    pub async fn confirm(&self, id: &str, local: IpAddr) -> Result<(), Problem> {
        self.ask(|answer| Ask::Confirm { id: id.to_owned(), local, answer }).await
    }

    /// Name and passphrase of the setup network while it is open, to be shown where the claim code is.
    #[must_use]
    pub fn setup_network(&self) -> Option<SetupNetwork> {
        self.keeper.get().setup_network.clone().filter(|_| *self.open.borrow())
    }

    /// The device's addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.borrow().clone()
    }

    /// The name under which the device is found as `NAME.local`: another one than its own where a neighbour has that
    /// already.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.borrow().clone()
    }

    /// Every change of addresses, names, the setup network, and the state.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            addresses: self.addresses.clone(),
            open: self.open.clone(),
            name: self.name.clone(),
            state: self.keeper.watch(),
        }
    }

    async fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let stopped = || Problem::new(Kind::Failed, "The network part of the agent has stopped.");
        self.asks.send(ask(answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// The problem that an asker is shown.
pub(crate) fn cannot_join(failure: JoinFailure) -> Problem {
    Problem::new(Kind::CannotJoin, reason::sentence(failure))
}
