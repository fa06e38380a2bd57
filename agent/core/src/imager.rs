//! Takes over what Raspberry Pi Imager wrote, like a preseed: each text once, and only what the device can do.

use tayberry_format::imager::{Files, ImagerError, Unused};
use tayberry_format::state::State;

use crate::preseed::{digest, settings};
use crate::replace;

/// What the files ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Nothing, or nothing new.
    Nothing,
    /// To be taken over.
    Take(Box<Taken>),
}

/// Files that become state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The new state, which is not saved yet.
    pub state: State,
    /// What the files are to hold once the state is saved.
    pub files: Files,
    /// What the device cannot do, in one sentence.
    pub notice: Option<String>,
}

/// Decides. `files` are Imager's files as they lie on the disk.
///
/// # Errors
/// When they cannot be used; the state stays as it is.
pub fn take_over(state: &State, files: &Files) -> Result<Wish, ImagerError> {
    if files.user_data.is_empty() && files.network_config.is_empty()
        || state.imager.as_ref() == Some(&digest_of(files))
    {
        return Ok(Wish::Nothing);
    }
    // What is left of a replacement that was cut off has been taken over.
    let rest = Files { user_data: rest(&files.user_data), network_config: rest(&files.network_config) };
    let customisation = rest.parse()?;
    let left = rest.replaced(&customisation);
    if customisation.preseed.is_empty() && customisation.unused.is_empty() && left == *files {
        return Ok(Wish::Nothing);
    }
    let notice = sentence(&customisation.unused);
    // Imager's files name no owner: that stays with the claim code.
    let state = State { imager: Some(digest_of(&left)), ..settings(state, &customisation.preseed) };
    Ok(Wish::Take(Box::new(Taken { state, files: left, notice })))
}

/// The state of a device whose files could not be replaced: these texts are not taken over again either.
#[must_use]
pub fn not_replaced(state: State, files: &Files) -> State {
    State { imager: Some(digest_of(files)), ..state }
}

fn rest(file: &[u8]) -> Vec<u8> {
    if replace::was_cut_off(file) { replace::emptied(file.len()) } else { file.to_vec() }
}

fn digest_of(files: &Files) -> String {
    digest(format!("{} {}", digest(&files.user_data), digest(&files.network_config)).as_bytes())
}

fn sentence(unused: &[Unused]) -> Option<String> {
    let parts: Vec<String> = unused.iter().map(ToString::to_string).collect();
    let (last, others) = parts.split_last()?;
    let list = if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) };
    Some(format!("Of what Raspberry Pi Imager was told, this device does not use {list}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f owner@desk";

    /// Longer than a sector each.
    fn files() -> Files {
        let comment = format!("# {}\n", "x".repeat(600));
        let user_data = format!(
            "#cloud-config\n{comment}hostname: kitchen\nuser:\n  name: pi\n  passwd: \"$y$secret\"\n  \
             ssh_authorized_keys:\n    - \"{KEY}\"\nssh_pwauth: true\n"
        );
        let network_config = format!(
            "{comment}network:\n  wifis:\n    wlan0:\n      access-points:\n        \"home\":\n          \
             password: \"correct horse\"\n"
        );
        Files { user_data: user_data.into(), network_config: network_config.into() }
    }

    fn take(state: &State, files: &Files) -> Taken {
        match take_over(state, files).unwrap() {
            Wish::Take(taken) => *taken,
            Wish::Nothing => panic!("the files say something"),
        }
    }

    #[test]
    fn files_are_taken_over_once_and_the_claim_code_stays() {
        let new = State { claim: Some("12345678".to_owned().try_into().unwrap()), ..State::default() };
        let taken = take(&new, &files());
        assert_eq!(taken.state.hostname.as_ref().map(AsRef::as_ref), Some("kitchen"));
        assert_eq!((taken.state.ssh_key.len(), taken.state.wifi.is_some()), (1, true));
        assert_eq!((taken.state.owner.as_ref(), &taken.state.claim), (None, &new.claim));
        assert_eq!(
            taken.notice.as_deref(),
            Some(
                "Of what Raspberry Pi Imager was told, this device does not use the user's password (the claim code \
                 makes the owner) and SSH with a password (SSH takes keys, for root)."
            )
        );
        let renamed = State { hostname: None, ..taken.state };
        assert_eq!(take_over(&renamed, &taken.files), Ok(Wish::Nothing));
        let stuck = not_replaced(renamed, &files());
        assert_eq!(take_over(&stuck, &files()), Ok(Wish::Nothing));
        assert_eq!(take_over(&State::default(), &Files::default()), Ok(Wish::Nothing));
    }

    #[test]
    fn what_cannot_be_used_changes_nothing() {
        let files = Files { user_data: b"hostname: [".to_vec(), ..Files::default() };
        take_over(&State::default(), &files).unwrap_err();
        assert_eq!(sentence(&[Unused::Keyboard]).unwrap().matches("the keyboard").count(), 1);
    }

    /// One boot that ends after so many sectors.
    fn boot(state: &mut State, files: &mut Files, mut sectors: usize) {
        let Ok(Wish::Take(taken)) = take_over(state, files) else { return };
        let mut may_write = || {
            let may = sectors > 0;
            sectors = sectors.saturating_sub(1);
            may
        };
        if !may_write() {
            return;
        }
        *state = taken.state;
        let pairs = [
            (&mut files.user_data, &taken.files.user_data),
            (&mut files.network_config, &taken.files.network_config),
        ];
        for (file, new) in pairs.into_iter().filter(|(file, new)| *file != *new) {
            for step in replace::steps(new) {
                for (index, bytes) in step.bytes.chunks(512).enumerate() {
                    if !may_write() {
                        return;
                    }
                    let at = step.at + index * 512;
                    file[at..at + bytes.len()].copy_from_slice(bytes);
                }
            }
        }
    }

    #[test]
    fn a_power_cut_after_any_write_loses_nothing_and_leaves_no_secret() {
        let wanted = take(&State::default(), &files()).state;
        for cut in 0..20 {
            for second in 0..20 {
                let (mut state, mut found) = (State::default(), files());
                boot(&mut state, &mut found, cut);
                boot(&mut state, &mut found, second);
                boot(&mut state, &mut found, usize::MAX);
                let without = |state: &State| State { imager: None, ..state.clone() };
                assert_eq!(without(&state), without(&wanted), "{cut} {second}");
                for bytes in [&found.user_data, &found.network_config] {
                    let text = String::from_utf8_lossy(bytes);
                    assert!(!text.contains("secret") && !text.contains("correct"), "{cut} {second}: {text}");
                }
                state.hostname = None;
                assert_eq!(take_over(&state, &found), Ok(Wish::Nothing), "{cut} {second}");
            }
        }
    }
}
