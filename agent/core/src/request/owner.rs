//! Signing in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a session or token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Proved the claim code; may do the setup and nothing else.
    Setup,
    /// The owner.
    Owner,
}

/// A session that has just begun.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The secret: 32 random bytes in hexadecimal digits. The front keeps it in a cookie and never shows it to a page.
    pub secret: String,
    /// What it may do.
    pub role: Role,
    /// Seconds until it ends whatever happens.
    pub lasts_s: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?})", self.role)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// The right.
    pub role: Role,
    /// The owner's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// To be sent as the header `X-Tayberry-Csrf` with everything that changes something.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub csrf: Option<String>,
}

macro_rules! secret {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
secret!(Credentials Recovery PasswordChange);

/// Name and password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The owner's name.
    #[schema(max_length = 64)]
    pub name: String,
    /// The password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// A recovery code and the password to have from now on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// One of the printed codes; blanks, hyphens and case do not count. It works once.
    #[schema(max_length = 64)]
    pub code: String,
    /// The new password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// A change of the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The password so far.
    #[schema(max_length = 1024)]
    pub current: String,
    /// The new one.
    #[schema(max_length = 1024)]
    pub new: String,
}

/// What tells an application of the stack that the owner asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppToken {
    /// The token, signed by the device (RFC 7519). It gives no right over the device.
    pub token: String,
    /// For how many seconds it holds.
    pub lasts_s: u64,
}
