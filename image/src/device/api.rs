//! What the device answers, as far as the command line reads it. The API is described in `docs/api.md`.

use serde::Deserialize;

/// The device's authority.
#[derive(Debug, Deserialize)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) fingerprint: String,
}

/// What anybody may know of a device.
#[derive(Debug, Deserialize)]
pub(crate) struct Overview {
    pub(crate) name: String,
    pub(crate) authority_fingerprint: String,
}

/// A session that has begun.
#[derive(Deserialize)]
pub(crate) struct WhoAmI {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
}

/// Recovery codes, and what is asked back of them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RecoveryCodes {
    pub(crate) codes: Vec<String>,
    pub(crate) ask_code: usize,
    pub(crate) ask_characters: [usize; 3],
}

/// The setup has ended.
#[derive(Debug, Deserialize)]
pub(crate) struct Finished {
    pub(crate) address: String,
}

/// A token that was just made.
#[derive(Deserialize)]
pub(crate) struct NewToken {
    pub(crate) token: TokenId,
    pub(crate) secret: String,
}

/// Names a token.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenId {
    pub(crate) id: String,
}

/// Why there is no answer (RFC 9457).
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) kind: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) detail: Option<String>,
}

/// A problem in one sentence, without its full stop, and without characters that would steer the terminal.
pub(crate) fn sentence(title: &str, detail: Option<String>) -> String {
    let text = detail.map_or_else(|| title.to_owned(), |detail| format!("{title}: {detail}"));
    text.trim_end_matches('.').chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_sentence() {
        assert_eq!(sentence("Sign in first", None), "Sign in first");
        let detail = Some("Try again in 2 s.\u{1b}[2J\n".into());
        assert_eq!(
            sentence("Too many wrong answers", detail),
            "Too many wrong answers: Try again in 2 s.[2J"
        );
    }
}
