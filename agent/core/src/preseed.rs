//! Takes a preseed file over into the state: each text once, and only what it says.

use sha2::{Digest, Sha256};
use tayberry_format::preseed::{Preseed, PreseedError};
use tayberry_format::state::State;

/// What the file asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing, or nothing new.
    Nothing,
    /// This state, which is not saved yet.
    Take(Box<State>),
}

/// Decides. `file` is the preseed file as it lies on the disk.
///
/// # Errors
/// When the file cannot be understood; the state stays as it is.
pub fn take_over(state: &State, file: &[u8]) -> Result<Wish, PreseedError> {
    let digest = hex::encode(Sha256::digest(file));
    if state.preseed.as_ref() == Some(&digest) {
        return Ok(Wish::Nothing);
    }
    let preseed = Preseed::parse(file)?;
    if preseed.is_empty() {
        return Ok(Wish::Nothing);
    }
    let mut next = State { preseed: Some(digest), ..state.clone() };
    next.hostname = preseed.hostname.or(next.hostname);
    next.timezone = preseed.timezone.or(next.timezone);
    next.wifi = preseed.wifi.or(next.wifi);
    if !preseed.ssh_key.is_empty() {
        next.ssh_key = preseed.ssh_key;
    }
    Ok(Wish::Take(Box::new(next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_over_once() {
        let file = b"hostname = \"kitchen\"\n\n\n";
        let Ok(Wish::Take(first)) = take_over(&State::default(), file) else {
            panic!("the file says something")
        };
        assert_eq!(first.hostname.as_ref().map(AsRef::as_ref), Some("kitchen"));
        assert_eq!(take_over(&first, file), Ok(Wish::Nothing));
        // What the owner changes afterwards stays.
        let renamed = State { hostname: Some("attic".to_owned().try_into().unwrap()), ..*first };
        assert_eq!(take_over(&renamed, file), Ok(Wish::Nothing));
    }

    #[test]
    fn what_it_does_not_mention_stays() {
        let state = State { timezone: Some("UTC".to_owned().try_into().unwrap()), ..State::default() };
        let Ok(Wish::Take(next)) = take_over(&state, b"hostname = \"attic\"") else { panic!() };
        assert_eq!(next.timezone, state.timezone);
        assert_eq!(take_over(&state, &[b'\n'; 4096]), Ok(Wish::Nothing));
        assert!(take_over(&state, b"hostnam = 1").is_err());
    }
}
