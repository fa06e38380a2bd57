//! Takes over what the owner decided before the first boot: each text once, and only what it says. Saving the state,
//! and then replacing the file by one without secrets, is left to the agent; a power cut in between takes the same over
//! again.

use sha2::{Digest, Sha256};
use tayberry_format::owner::Owner;
use tayberry_format::preseed::{FILE, NewOwner, Preseed, PreseedError};
use tayberry_format::state::State;

use crate::request::problem::Problem;
use crate::{replace, setup};

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Nothing, or nothing new.
    Nothing,
    /// To be emptied: its replacement was cut off after the state had been saved.
    Empty(Vec<u8>),
    /// To be taken over.
    Take(Box<Taken>),
}

/// A preseed file that becomes state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The new state, which is not saved yet.
    pub state: State,
    /// What the file is to hold once the state is saved: the same without secrets, of the same length.
    pub file: Vec<u8>,
}

/// A preseed that cannot be taken over; the state stays as it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeOverError {
    /// It cannot be understood.
    #[error(transparent)]
    Preseed(#[from] PreseedError),
    /// The owner's name or password is refused.
    #[error("{FILE}, [owner]: {0}")]
    Owner(String),
    /// The password could not be hashed.
    #[error("{FILE}: the owner's password could not be kept ({0}); restart the device to try again")]
    Hash(String),
}

/// Decides. `file` is the preseed file as it lies on the disk; `hash` hashes the owner's password.
///
/// # Errors
/// When the file cannot be understood, or its owner is refused; the state stays as it is.
pub fn take_over<E: std::fmt::Display>(
    state: &State,
    file: &[u8],
    hash: impl FnOnce(&str) -> Result<String, E>,
) -> Result<Wish, TakeOverError> {
    if replace::was_cut_off(file) {
        return Ok(Wish::Empty(replace::emptied(file.len())));
    }
    if state.preseed.as_ref() == Some(&digest(file)) {
        return Ok(Wish::Nothing);
    }
    let preseed = Preseed::parse(file)?;
    if preseed.is_empty() {
        return Ok(Wish::Nothing);
    }
    // A file without secrets stays as the person wrote it, comments and all.
    let left = if preseed.has_secrets() { preseed.replacement(file.len()) } else { file.to_vec() };
    let mut state = State { preseed: Some(digest(&left)), ..settings(state, &preseed) };
    // An owner is made only where there is none: a card in the wrong hands takes no device.
    if let (None, Some(owner)) = (&state.owner, &preseed.owner) {
        let device = state.hostname.as_ref().map_or("", AsRef::as_ref);
        state.owner = Some(make_owner(owner, device, hash)?);
        state.claim = None;
    }
    Ok(Wish::Take(Box::new(Taken { state, file: left })))
}

/// The state of a device whose file could not be replaced: that text is not taken over again either.
#[must_use]
pub fn not_replaced(state: State, file: &[u8]) -> State {
    State { preseed: Some(digest(file)), ..state }
}

/// `state` with the settings that `preseed` has; its owner is left out.
pub(crate) fn settings(state: &State, preseed: &Preseed) -> State {
    let mut next = state.clone();
    next.hostname = preseed.hostname.clone().or(next.hostname);
    next.timezone = preseed.timezone.clone().or(next.timezone);
    next.language = preseed.language.unwrap_or(next.language);
    next.channel = preseed.channel.clone().unwrap_or(next.channel);
    next.wifi = preseed.wifi.clone().or(next.wifi);
    if !preseed.ssh_key.is_empty() {
        next.ssh_key.clone_from(&preseed.ssh_key);
    }
    next
}

fn make_owner<E: std::fmt::Display>(
    owner: &NewOwner,
    device: &str,
    hash: impl FnOnce(&str) -> Result<String, E>,
) -> Result<Owner, TakeOverError> {
    let name = setup::owner_name(&owner.name).map_err(refused)?;
    let password = owner.password.as_ref();
    setup::good_password(password, &[name, device]).map_err(refused)?;
    let password = hash(password).map_err(|error| TakeOverError::Hash(error.to_string()))?;
    Ok(Owner { name: name.to_owned(), password, recovery: Vec::new() })
}

fn refused(problem: Problem) -> TakeOverError {
    let detail = problem.detail.unwrap_or_default();
    TakeOverError::Owner(format!("{}: {}", problem.title, detail.trim_end_matches('.')))
}

/// SHA-256, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
#[path = "preseed_tests.rs"]
mod tests;
