//! First boot: from the claim code to an owner.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tayberry_format::preseed::{Hostname, TimeZone};
use tayberry_format::state::{Channel, Language};
use utoipa::ToSchema;

use crate::domain::DomainName;

/// What anybody on the network may know: enough to show the right page, and to compare fingerprints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Whether the device has an owner.
    pub phase: Phase,
    /// Host name, without `.local`.
    pub name: String,
    /// Version of the operating system.
    pub version: String,
    /// The owner's language, once there is an owner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<Language>,
    /// Whether the device knows the time.
    pub time_known: bool,
    /// The device's time, in seconds since 1970.
    pub now: i64,
    /// SHA-256 of the authority's certificate, as 32 pairs of hexadecimal digits with colons.
    pub authority_fingerprint: String,
    /// Addresses under which the device answers.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
    /// Whether the setup access point is open.
    pub setup_network: bool,
    /// The owner's domain, once there is a certificate for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub domain: Option<DomainName>,
}

/// Whether there is an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nobody took the device yet.
    Unclaimed,
    /// It has an owner.
    Owned,
    /// It is in rescue, and its owner can sign in.
    Rescue,
    /// It is in rescue, and knows no owner: only the code on its screen opens it.
    RescueWithoutOwner,
}

/// The device's certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Authority {
    /// Its certificate (RFC 7468).
    pub pem: String,
    /// SHA-256 of the certificate, as in [`Overview`].
    pub fingerprint: String,
}

/// The claim code, as a person typed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// 8 digits; blanks and hyphens do not count.
    #[schema(max_length = 100)]
    pub code: String,
    /// The browser's time in seconds since 1970: a hint for a device that knows none.
    #[serde(default)]
    pub now: Option<i64>,
}

/// A password that is being thought of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordToJudge {
    /// The password.
    #[schema(max_length = 1024)]
    pub password: String,
    /// The owner's name, which is no good password.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub name: String,
}

impl std::fmt::Debug for PasswordToJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordToJudge(…)")
    }
}

/// What a guesser would make of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Strength {
    /// From 0, guessed at once, to 4, out of reach (zxcvbn).
    #[schema(minimum = 0, maximum = 4)]
    pub score: u8,
    /// Whether the device takes it.
    pub good_enough: bool,
    /// What is wrong with it; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weakness: Option<Weakness>,
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weakness {
    /// Shorter than 8 characters.
    TooShort,
    /// Longer than 128 characters.
    TooLong,
    /// On a list of passwords that everybody tries.
    WellKnown,
    /// A word, a date, a keyboard row or a repetition.
    EasyToGuess,
}

/// Codes that sign the owner in when the password is lost; each works once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// To print: groups of letters and digits without the ones that look alike.
    pub codes: Vec<String>,
    /// Which code three characters are asked back of, from 0.
    pub ask_code: usize,
    /// Which characters of it, from 0; hyphens do not count.
    pub ask_characters: [usize; 3],
}

/// Everything that setup asks for, in one piece: it is kept as a whole or not at all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Language of the pages.
    pub language: Language,
    /// Name to sign in with.
    #[schema(min_length = 1, max_length = 64)]
    pub owner: String,
    /// Password.
    #[schema(max_length = 1024)]
    pub password: String,
    /// The three characters that [`RecoveryCodes`] asks for.
    #[schema(max_length = 16)]
    pub recovery_characters: String,
    /// Host name.
    #[schema(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub name: Hostname,
    /// Time zone, such as `Europe/Berlin`.
    #[schema(value_type = String, max_length = 64)]
    pub timezone: TimeZone,
    /// Where updates come from.
    pub channel: Channel,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({}, {})", self.owner, self.name.as_ref())
    }
}

/// The device has an owner now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finished {
    /// The address to keep, such as `https://kitchen.local`.
    pub address: String,
    /// A QR code of it, as an SVG image.
    pub qr_svg: String,
    /// SHA-256 of the authority's certificate.
    pub authority_fingerprint: String,
}

/// What the agent tells the front at the end of the setup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedSetup {
    /// For the page.
    pub finished: Finished,
    /// The owner's session; the one of the setup has ended.
    pub session: super::owner::Session,
}
