//! A change of network on trial: it reverts by itself unless it is confirmed over the new network in time. What is kept
//! is the state document; it changes on confirmation alone, so that a power cut during a trial leaves the old network.
//!
//! ```text
//!           Asked                       Confirmed (over the new network)
//!  Stable ---------> Trying ------------------------> Stable, kept
//!                    |    ^ Asked: another change takes its place
//!                    +----+
//!                    | Failed, or the time is over
//!                    +-----------------> Stable, reverted
//! ```

use std::net::IpAddr;
use std::time::Duration;

use tayberry_format::preseed::Wifi;

use crate::request::network::JoinFailure;

/// So long a change holds without being confirmed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a change is on trial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// The network is as the state document says.
    #[default]
    Stable,
    /// The network is as the change wants it.
    Trying(Trying),
}

impl State {
    /// When the next decision is due by itself.
    #[must_use]
    pub const fn wake(&self) -> Option<Duration> {
        match self {
            Self::Trying(trying) => Some(trying.until),
            Self::Stable => None,
        }
    }
}

/// A change on trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trying {
    /// Names it.
    pub id: String,
    /// The wireless network to be in; none to be in none.
    pub wanted: Option<Wifi>,
    /// When it reverts.
    pub until: Duration,
}

/// What happened. Times are spans since any fixed moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants a change.
    Asked {
        /// Names the trial, unguessable.
        id: String,
        /// The wireless network to be in.
        wanted: Option<Wifi>,
    },
    /// Somebody confirms.
    Confirmed {
        /// The trial.
        id: String,
        /// The answer arrived over what the device keeps.
        kept: bool,
    },
    /// The network cannot be joined.
    Failed(JoinFailure),
    /// Time passed.
    Time,
}

/// What is to be done; it is done before the next event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Bring this about.
    Try(Option<Wifi>),
    /// Keep it in the state document.
    Keep(Option<Wifi>),
    /// Bring about what the state document says.
    Revert(JoinFailure),
}

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No such trial.
    #[error("there is no such trial, or it is over")]
    NoTrial,
    /// The answer came over something that the change takes away.
    #[error("the answer came over another network than the one on trial")]
    OtherNetwork,
}

/// The one table. A rejected event changes nothing.
///
/// # Errors
/// When a confirmation names no running trial, or did not come over the new network.
pub fn next(state: &State, event: Event, now: Duration) -> Result<(State, Effect), Rejected> {
    let over = matches!(state, State::Trying(trying) if now >= trying.until);
    match (state, event) {
        (_, Event::Asked { id, wanted }) => {
            let trying = Trying { id, wanted: wanted.clone(), until: now + PATIENCE };
            Ok((State::Trying(trying), Effect::Try(wanted)))
        }
        (State::Trying(_), Event::Time | Event::Failed(_) | Event::Confirmed { .. }) if over => {
            Ok((State::Stable, Effect::Revert(JoinFailure::NotConfirmed)))
        }
        (State::Trying(trying), Event::Confirmed { id, kept }) if trying.id == id => {
            if kept {
                Ok((State::Stable, Effect::Keep(trying.wanted.clone())))
            } else {
                Err(Rejected::OtherNetwork)
            }
        }
        (_, Event::Confirmed { .. }) => Err(Rejected::NoTrial),
        (State::Trying(_), Event::Failed(why)) => Ok((State::Stable, Effect::Revert(why))),
        (State::Trying(_) | State::Stable, Event::Time) | (State::Stable, Event::Failed(_)) => {
            Ok((state.clone(), Effect::Nothing))
        }
    }
}

/// An interface as far as a trial is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// It is a radio, which the change is about.
    pub radio: bool,
    /// It is in the network on trial.
    pub in_trial: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Whether the device keeps `local` under the change: an address of an interface that it does not touch, or of the radio
/// in the new network. The old network and the setup network do not count: they are gone when the trial ends.
#[must_use]
pub fn keeps(links: &[Link], local: IpAddr) -> bool {
    let local = local.to_canonical();
    links
        .iter()
        .filter(|link| !link.radio || link.in_trial)
        .any(|link| link.addresses.iter().any(|address| address.to_canonical() == local))
}

/// The addresses of the device in the new network.
#[must_use]
pub fn addresses(links: &[Link]) -> Vec<IpAddr> {
    let new = links.iter().filter(|link| link.radio && link.in_trial);
    new.flat_map(|link| link.addresses.iter().copied()).collect()
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
