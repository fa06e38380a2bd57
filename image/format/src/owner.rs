//! The parts of the state that have to do with the owner: who it is, what signs in, what scripts may do. Secrets are
//! here as hashes only.

use serde::{Deserialize, Serialize};

use crate::preseed::NotAllowed;

/// Language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// Where updates come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// For everybody.
    #[default]
    Stable,
    /// Earlier, for those who help testing.
    Beta,
}

impl TryFrom<String> for Language {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match text.as_str() {
            "en" => Ok(Self::En),
            "de" => Ok(Self::De),
            _ => Err(NotAllowed("a language is en or de")),
        }
    }
}

impl TryFrom<String> for Channel {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match text.as_str() {
            "stable" => Ok(Self::Stable),
            "beta" => Ok(Self::Beta),
            _ => Err(NotAllowed("a channel is stable or beta")),
        }
    }
}

/// The owner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Name to sign in with.
    pub name: String,
    /// Hash of the password, as a PHC string (argon2id).
    pub password: String,
    /// SHA-256 of the recovery codes that were not used yet, hexadecimal. 80 random bits each: a slow hash would add little.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<String>,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({})", self.name)
    }
}

/// A right of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// See the status.
    Status,
    /// See and change settings.
    Settings,
    /// See and change networks.
    Network,
    /// See, start and cancel updates.
    Updates,
}

/// A personal access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Names it.
    pub id: String,
    /// What the owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of its secret, hexadecimal. The secret is 32 random bytes: a slow hash would add nothing.
    pub hash: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it ends, in seconds since 1970; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}
