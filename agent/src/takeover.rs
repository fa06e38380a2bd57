//! Takes over what the owner decided before the first boot, with Raspberry Pi Imager or in a preseed file, which has the
//! last word. The state is saved first, then the files are replaced by ones without secrets. A file that cannot be used
//! changes nothing.

use std::io;

use tayberry_core::imager as from_imager;
use tayberry_core::preseed::{Wish, not_replaced, take_over};
use tayberry_format::preseed::FILE;
use tayberry_format::state::State;

use crate::device::store::Store;
use crate::device::{imager, password, preseed};

/// Where the files of [`imager`] come from, in sentences.
const IMAGER: &str = "What Raspberry Pi Imager wrote";

/// The state with new files taken over and saved. `notices` gets what the owner must know.
pub fn run(store: &Store, state: State, disk: &str, notices: &mut Vec<String>) -> State {
    let state = with_imager(store, state, disk, notices);
    with_preseed(store, state, disk, notices)
}

fn with_preseed(store: &Store, state: State, disk: &str, notices: &mut Vec<String>) -> State {
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
            notices.extend(failed(FILE, preseed::replace(disk, &new)));
            state
        }
        Ok(Wish::Take(taken)) => {
            let steps = Steps {
                what: FILE,
                replace: &|| if taken.file == file { Ok(()) } else { preseed::replace(disk, &taken.file) },
                not_replaced: &|state| not_replaced(state, &file),
            };
            steps.run(store, taken.state.clone(), notices)
        }
        Err(error) => {
            notices.push(format!("Not used: {error}."));
            state
        }
    }
}

fn with_imager(store: &Store, state: State, disk: &str, notices: &mut Vec<String>) -> State {
    let files = match imager::read(disk) {
        Ok(files) => files,
        Err(error) => {
            notices.push(format!("{IMAGER} could not be read: {error}."));
            return state;
        }
    };
    match from_imager::take_over(&state, &files) {
        Ok(from_imager::Wish::Nothing) => state,
        Ok(from_imager::Wish::Take(taken)) => {
            notices.extend(taken.notice.clone());
            let steps = Steps {
                what: IMAGER,
                replace: &|| imager::replace(disk, &files, &taken.files),
                not_replaced: &|state| from_imager::not_replaced(state, &files),
            };
            steps.run(store, taken.state.clone(), notices)
        }
        Err(error) => {
            notices.push(format!("Not used: {error}."));
            state
        }
    }
}

/// The two steps of taking something over: save the state, then replace what it came from. A power cut in between takes
/// the same over again.
struct Steps<'a> {
    what: &'static str,
    replace: &'a dyn Fn() -> io::Result<()>,
    not_replaced: &'a dyn Fn(State) -> State,
}

impl Steps<'_> {
    fn run(&self, store: &Store, state: State, notices: &mut Vec<String>) -> State {
        if let Err(error) = store.save(&state) {
            // The file stays, so the next boot tries again.
            notices.push(format!("{} holds for this boot only: {error}.", self.what));
            return state;
        }
        let Some(notice) = failed(self.what, (self.replace)()) else { return state };
        notices.push(notice);
        let state = (self.not_replaced)(state);
        if let Err(error) = store.save(&state) {
            notices.push(format!("{} will be taken over again: {error}.", self.what));
        }
        state
    }
}

fn failed(what: &str, done: io::Result<()>) -> Option<String> {
    let error = done.err()?;
    Some(format!("{what} still holds its passwords ({error}): remove them with a card reader."))
}

#[cfg(test)]
#[path = "takeover_tests.rs"]
mod tests;
