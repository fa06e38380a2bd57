//! Takes over what the owner decided before the first boot. The state is saved first, then the file is replaced by one
//! without secrets. A file that cannot be used changes nothing.

use std::io;

use tayberry_core::preseed::{Taken, Wish, not_replaced, take_over};
use tayberry_format::preseed::FILE;
use tayberry_format::state::State;

use crate::device::store::Store;
use crate::device::{password, preseed};

/// The state with new files taken over and saved. `notices` gets what the owner must know.
pub fn run(store: &Store, state: State, disk: &str, notices: &mut Vec<String>) -> State {
    let file = match preseed::read(disk) {
        Ok(file) => file,
        Err(error) => {
            notices.push(format!("{FILE} could not be read: {error}."));
            return state;
        }
    };
    match take_over(&state, &file, password::hash) {
        Ok(Wish::Nothing) => state,
        Ok(Wish::Empty(new)) => {
            notices.extend(failed(preseed::replace(disk, &new)));
            state
        }
        Ok(Wish::Take(taken)) => keep(store, *taken, &file, disk, notices),
        Err(error) => {
            notices.push(format!("Not used: {error}."));
            state
        }
    }
}

fn keep(store: &Store, taken: Taken, file: &[u8], disk: &str, notices: &mut Vec<String>) -> State {
    let Taken { state, file: new } = taken;
    if let Err(error) = store.save(&state) {
        // The file stays, so the next boot tries again.
        notices.push(format!("{FILE} holds for this boot only: {error}."));
        return state;
    }
    if new == file {
        return state;
    }
    let Some(notice) = failed(preseed::replace(disk, &new)) else { return state };
    notices.push(notice);
    let state = not_replaced(state, file);
    if let Err(error) = store.save(&state) {
        notices.push(format!("{FILE} will be taken over again: {error}."));
    }
    state
}

fn failed(done: io::Result<()>) -> Option<String> {
    let error = done.err()?;
    Some(format!("{FILE} still holds its passwords ({error}): remove them with a card reader."))
}

#[cfg(test)]
#[path = "takeover_tests.rs"]
mod tests;
