//! The end of the setup: whether the answers make an owner, and the state they make. One change of the state, so that a
//! power cut leaves a device that can be set up from the start or is fully set up.

use tayberry_format::owner::Owner;
use tayberry_format::state::State;

use crate::request::problem::{Kind, Problem};
use crate::request::setup::{Answers, RecoveryCodes};
use crate::{password, recovery};

/// Longest name of an owner, in characters.
const LONGEST_NAME: usize = 64;

/// Answers that were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    answers: Answers,
    recovery: Vec<String>,
}

/// A name that an owner may have.
///
/// # Errors
/// When it may not.
pub fn owner_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Problem::new(Kind::NotAllowed, "A name has 1 to 64 characters."));
    }
    Ok(name)
}

/// Refuses a password that is easy to guess.
///
/// # Errors
/// When it is.
pub fn good_password(password: &str, others: &[&str]) -> Result<(), Problem> {
    if password::judge(password, others).good_enough {
        return Ok(());
    }
    Err(Problem::new(
        Kind::WeakPassword,
        "Take a longer one: four words that do not belong together are good.",
    ))
}

/// Checks the answers. `codes` are the recovery codes that were made for this setup, `known_zone` whether the device has
/// that time zone.
///
/// # Errors
/// With what is to be changed.
pub fn check(answers: Answers, codes: Option<&RecoveryCodes>, known_zone: bool) -> Result<Checked, Problem> {
    let name = owner_name(&answers.owner)?;
    good_password(&answers.password, &[name, answers.name.as_ref()])?;
    let codes =
        codes.ok_or_else(|| Problem::new(Kind::RecoveryNotKept, "Print the recovery codes first."))?;
    if !recovery::kept(codes, &answers.recovery_characters) {
        return Err(Problem::new(
            Kind::RecoveryNotKept,
            "Compare the three characters with what you printed or wrote down.",
        ));
    }
    if !known_zone {
        return Err(Problem::new(Kind::NotAllowed, "This device does not know that time zone."));
    }
    let recovery = codes.codes.iter().map(|code| recovery::hash(code)).collect();
    let answers = Answers { owner: name.to_owned(), ..answers };
    Ok(Checked { answers, recovery })
}

impl Checked {
    /// The password, for hashing.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.answers.password
    }

    /// Makes `state` that of a device with an owner.
    ///
    /// # Errors
    /// When it has one already.
    pub fn apply(self, state: &mut State, password_hash: String) -> Result<(), Problem> {
        if state.owner.is_some() {
            return Err(Kind::AlreadyOwned.into());
        }
        let answers = self.answers;
        state.owner = Some(Owner { name: answers.owner, password: password_hash, recovery: self.recovery });
        state.claim = None;
        state.hostname = Some(answers.name);
        state.timezone = Some(answers.timezone);
        state.language = answers.language;
        state.channel = answers.channel;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tayberry_format::state::{Channel, Language};

    use super::*;

    fn answers(codes: &RecoveryCodes) -> Answers {
        let code: Vec<char> = codes.codes[codes.ask_code].chars().filter(|c| *c != '-').collect();
        Answers {
            language: Language::De,
            owner: " Margarete ".into(),
            password: "quark-Teller-77-Mond".into(),
            recovery_characters: codes.ask_characters.iter().map(|index| code[*index]).collect(),
            name: "kitchen".to_owned().try_into().unwrap(),
            timezone: "Europe/Berlin".to_owned().try_into().unwrap(),
            channel: Channel::default(),
        }
    }

    #[test]
    fn good_answers_make_an_owner_once() {
        let codes = recovery::make(&[9; recovery::RANDOM]);
        let checked = check(answers(&codes), Some(&codes), true).unwrap();
        let mut state = State { claim: Some("12345678".to_owned().try_into().unwrap()), ..State::default() };
        checked.clone().apply(&mut state, "hash".into()).unwrap();
        let owner = state.owner.clone().unwrap();
        assert_eq!((owner.name.as_str(), owner.password.as_str()), ("Margarete", "hash"));
        assert_eq!(owner.recovery.len(), recovery::CODES);
        assert_eq!((state.claim.as_ref(), state.language), (None, Language::De));
        let before = state.clone();
        assert_eq!(checked.apply(&mut state, "other".into()).unwrap_err().kind, Kind::AlreadyOwned);
        assert_eq!(state, before);
    }

    #[test]
    fn each_answer_is_checked() {
        let codes = recovery::make(&[9; recovery::RANDOM]);
        let good = answers(&codes);
        let rows = [
            (Answers { owner: " ".into(), ..good.clone() }, Some(&codes), true, Kind::NotAllowed),
            (Answers { password: "kitchen1".into(), ..good.clone() }, Some(&codes), true, Kind::WeakPassword),
            (
                Answers { recovery_characters: "???".into(), ..good.clone() },
                Some(&codes),
                true,
                Kind::RecoveryNotKept,
            ),
            (good.clone(), None, true, Kind::RecoveryNotKept),
            (good, Some(&codes), false, Kind::NotAllowed),
        ];
        for (answers, codes, zone, kind) in rows {
            assert_eq!(check(answers, codes, zone).unwrap_err().kind, kind);
        }
    }
}
