//! Why a question was not answered: RFC 9457 problem details.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kinds of problems. The page translates them; scripts match them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The request cannot be understood.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// It is there, but cannot be asked in this way.
    WrongMethod,
    /// The body is longer than 64 KiB.
    TooLarge,
    /// The body is not JSON.
    WrongMediaType,
    /// Something else in the request is not allowed; `detail` says what is.
    NotAllowed,
    /// Nobody is signed in, or the session has ended.
    SignInFirst,
    /// Signed in, but without this right.
    Forbidden,
    /// The claim code is another one.
    WrongCode,
    /// Name or password is another one.
    WrongPassword,
    /// Too many wrong answers: `retry_after_s` says when to try again.
    TooManyTries,
    /// The device has an owner already.
    AlreadyOwned,
    /// The device has no owner yet.
    NotOwnedYet,
    /// The password is too easy to guess.
    WeakPassword,
    /// The characters of the recovery code that were asked back are others.
    RecoveryNotKept,
    /// The wireless network could not be joined.
    CannotJoin,
    /// There is nothing to confirm: the trial is over, or never was.
    NothingToConfirm,
    /// The answer came from another network than the one on trial.
    OtherNetwork,
    /// Another update is under way, or none that this could be done to.
    UpdateBusy,
    /// The update is not for this device, not trusted, or was tried before; `detail` says which.
    UpdateRefused,
    /// The update was not installed; `detail` says why.
    UpdateFailed,
    /// The device waits for another byte of the upload: `offset` of the update's status says for which.
    WrongOffset,
    /// The compose file cannot be used; `detail` names the line and the reason.
    StackRefused,
    /// The device is in rescue, where this is not possible.
    InRescue,
    /// The device is not in rescue, and this is possible only there.
    NotInRescue,
    /// Something on the device failed; `detail` has its words.
    Failed,
    /// The agent does not answer the front: it is starting, or was just restarted.
    AgentAway,
}

impl Kind {
    /// HTTP status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::SignInFirst | Self::WrongPassword => 401,
            Self::Forbidden | Self::WrongCode => 403,
            Self::NotFound => 404,
            Self::WrongMethod => 405,
            Self::TooLarge => 413,
            Self::WrongMediaType => 415,
            Self::AlreadyOwned
            | Self::NotOwnedYet
            | Self::NothingToConfirm
            | Self::OtherNetwork
            | Self::UpdateBusy
            | Self::WrongOffset
            | Self::InRescue
            | Self::NotInRescue => 409,
            Self::NotAllowed
            | Self::WeakPassword
            | Self::RecoveryNotKept
            | Self::CannotJoin
            | Self::UpdateRefused
            | Self::StackRefused => 422,
            Self::TooManyTries => 429,
            Self::Failed | Self::UpdateFailed => 500,
            Self::AgentAway => 503,
        }
    }

    /// One line for people, the same for every problem of this kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be understood",
            Self::NotFound => "There is nothing here",
            Self::WrongMethod => "This cannot be asked in this way",
            Self::TooLarge => "The request is too long",
            Self::WrongMediaType => "The request is not JSON",
            Self::NotAllowed => "This value is not allowed",
            Self::SignInFirst => "Sign in first",
            Self::Forbidden => "This needs another right",
            Self::WrongCode => "This is not the claim code",
            Self::WrongPassword => "Name or password is wrong",
            Self::TooManyTries => "Too many wrong answers",
            Self::AlreadyOwned => "This device has an owner already",
            Self::NotOwnedYet => "This device has no owner yet",
            Self::WeakPassword => "This password is too easy to guess",
            Self::RecoveryNotKept => "The recovery code reads otherwise",
            Self::CannotJoin => "The wireless network could not be joined",
            Self::NothingToConfirm => "There is no change to confirm",
            Self::OtherNetwork => "Confirm from the new network",
            Self::UpdateBusy => "This is not possible at this point of an update",
            Self::UpdateRefused => "This update was not taken",
            Self::UpdateFailed => "The update was not installed",
            Self::WrongOffset => "The upload goes on at another byte",
            Self::StackRefused => "This compose file cannot be used",
            Self::InRescue => "Not possible in rescue",
            Self::NotInRescue => "Possible only in rescue",
            Self::Failed => "The device failed to do this",
            Self::AgentAway => "The device is not ready",
        }
    }
}

/// A problem (RFC 9457). `type` is a relative reference below `/problems/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `/problems/` and the kind.
    #[serde(rename = "type")]
    pub kind_uri: String,
    /// The kind, for matching.
    pub kind: Kind,
    /// The kind in words.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// This occurrence in one sentence, and what to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Seconds after which another try is looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem with a sentence of its own.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::from(kind) }
    }

    /// Too many wrong answers; `wait` until the next is looked at.
    #[must_use]
    pub fn wait(wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            retry_after_s: Some(seconds),
            ..Self::new(Kind::TooManyTries, format!("Try again in {seconds} s."))
        }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        let word = serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned));
        Self {
            kind_uri: format!("/problems/{}", word.unwrap_or_default()),
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            retry_after_s: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_rfc_9457_says() {
        let json = serde_json::to_value(Problem::wait(std::time::Duration::from_millis(1500))).unwrap();
        assert_eq!(json["type"], "/problems/too-many-tries");
        assert_eq!((json["status"].as_u64(), json["retry_after_s"].as_u64()), (Some(429), Some(2)));
        assert!(serde_json::to_value(Problem::from(Kind::Forbidden)).unwrap().get("detail").is_none());
    }
}
