//! Which state holds after what was found on the data partition.

use tayberry_format::state::{State, StateError};

/// What was found in place of a document.
pub type Found = Option<Result<State, StateError>>;

/// The state to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The state.
    pub state: State,
    /// Which file it came from, so that a good copy is never replaced by a damaged one.
    pub source: Source,
    /// What the owner must know, in one sentence.
    pub notice: Option<String>,
}

/// Where the state came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The document itself.
    Current,
    /// The previous document; the current one is damaged or missing.
    Previous,
    /// Neither: a new device.
    New,
    /// Neither, though there are files: both are damaged.
    Lost,
}

/// Decides: the document, else the previous one, else a new state.
#[must_use]
pub fn settle(current: Found, previous: Found) -> Settled {
    match (current, previous) {
        (Some(Ok(state)), _) => Settled { state, source: Source::Current, notice: None },
        (current, Some(Ok(state))) => {
            let why =
                current.and_then(Result::err).map_or_else(|| "it is missing".to_owned(), |e| e.to_string());
            let notice = format!(
                "The settings could not be read ({why}). The ones before the last change are used: check them."
            );
            Settled { state, source: Source::Previous, notice: Some(notice) }
        }
        (None, None) => Settled { state: State::default(), source: Source::New, notice: None },
        (Some(Err(error)), _) | (None, Some(Err(error))) => {
            let notice =
                format!("The settings could not be read ({error}), and neither could the ones before.");
            Settled { state: State::default(), source: Source::Lost, notice: Some(notice) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_good_document_counts() {
        let named =
            |name: &str| State { hostname: Some(name.to_owned().try_into().unwrap()), ..State::default() };
        let (new, old) = (Some(Ok(named("new"))), Some(Ok(named("old"))));
        let bad: Found = Some(Err(StateError::Checksum));
        let rows = [
            (new.clone(), old.clone(), named("new"), Source::Current, false),
            (new.clone(), bad.clone(), named("new"), Source::Current, false),
            (new, None, named("new"), Source::Current, false),
            (bad.clone(), old.clone(), named("old"), Source::Previous, true),
            (None, old, named("old"), Source::Previous, true),
            (bad.clone(), bad.clone(), State::default(), Source::Lost, true),
            (bad.clone(), None, State::default(), Source::Lost, true),
            (None, bad, State::default(), Source::Lost, true),
            (None, None, State::default(), Source::New, false),
        ];
        for (current, previous, state, source, warned) in rows {
            let settled = settle(current, previous);
            assert_eq!((settled.state, settled.source, settled.notice.is_some()), (state, source, warned));
        }
    }
}
