//! The verdict of the status page: whether there is something for the owner to do.

use crate::request::status::{Health, Room};
use crate::status::State;

/// Less room than this on the data partition is worth a word: a twentieth.
const LOW: u64 = 20;

/// Judges; the sentences say what to look at. `notices` are those of this boot.
#[must_use]
pub fn judge(state: State, data: Room, mut notices: Vec<String>) -> (Health, Vec<String>) {
    if state == State::NoDefault {
        notices
            .push("The firmware would boot neither slot next time: do not switch the device off.".to_owned());
    }
    if data.free < data.total / LOW {
        notices.push("The data partition is almost full.".to_owned());
    }
    let health = if notices.is_empty() { Health::Good } else { Health::Attention };
    (health, notices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_a_reason_to_look() {
        let room = |free| Room { total: 1000, free };
        assert_eq!(judge(State::Committed, room(500), Vec::new()), (Health::Good, Vec::new()));
        assert_eq!(judge(State::Committed, room(49), Vec::new()).0, Health::Attention);
        assert_eq!(judge(State::NoDefault, room(500), Vec::new()).1.len(), 1);
        assert_eq!(judge(State::Trial, room(500), vec!["x".into()]), (Health::Attention, vec!["x".into()]));
    }
}
