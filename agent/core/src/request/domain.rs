//! A domain of the owner's own, and its certificate from an authority that browsers know (ACME, RFC 8555).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::DomainName;

/// What is to be done about the domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainAct {
    /// Nothing: how it is.
    Look,
    /// Wishes a domain, or another proof or authority. Answered before there is a certificate.
    Wish(Box<DomainWish>),
    /// No domain any more; the account at the authority is forgotten.
    Forget,
    /// Asks for the certificate now, and not only after the wait that follows a failure.
    Try,
}

/// What the owner wishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainWish {
    /// The domain, which leads to this device.
    #[schema(value_type = String, max_length = 253, pattern = "^[A-Za-z0-9.-]+$")]
    pub name: DomainName,
    /// How it is proved that the device may have a certificate for it.
    pub proof: Proof,
    /// The authority's terms of service are agreed to.
    pub terms_agreed: bool,
    /// Where the authority writes to when a certificate is about to end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Address of the authority's directory; that of Let's Encrypt if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 512, pattern = "^https://")]
    pub directory: Option<String>,
    /// The certificate by which the authority's server is believed, PEM; if absent, those that everybody believes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 16_384)]
    pub trust: Option<String>,
}

/// How it is proved that a domain is the owner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The authority asks the device at port 80 of the domain, which must lead here from the internet (RFC 8555, section 8.3).
    Http,
    /// The device writes into the domain's zone (RFC 8555, section 8.4). Nothing must lead here from the internet.
    Dns(DnsServer),
}

/// The name server that takes changes of the zone (RFC 2136), signed with a shared key (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsServer {
    /// `HOST` or `HOST:PORT`, asked over TCP; the port is 53 if absent.
    #[schema(max_length = 260)]
    pub server: String,
    /// The zone that is changed.
    #[schema(value_type = String, max_length = 253)]
    pub zone: DomainName,
    /// Name of the key.
    #[schema(max_length = 253)]
    pub key: String,
    /// Its algorithm.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
    /// The key, in base64. It is never told; absent keeps the one that the device has for this key's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 256)]
    pub secret: Option<String>,
    /// How long it takes until all servers of the zone know of a change, in seconds; at most 3600.
    #[serde(default)]
    #[schema(maximum = 3600)]
    pub wait_s: u16,
}

/// What a key is used with (RFC 8945, section 6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// The domain now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainState {
    /// What is wished, without the key; absent where no domain is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wish: Option<DomainWish>,
    /// The certificate that is held for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<DomainCertificate>,
    /// A certificate is being asked for.
    pub busy: bool,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
    /// When the next one is, in seconds since 1970; absent where none is due, or once the time is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_try: Option<i64>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainCertificate {
    /// The domain.
    #[schema(value_type = String)]
    pub name: DomainName,
    /// Its first second, in seconds since 1970.
    pub not_before: i64,
    /// Its last.
    pub not_after: i64,
}

/// The token of a proof over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichProof {
    /// The token, as the authority made it.
    pub token: String,
}
