//! A name that the owner bought, and how it is written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::certificate::DOMAINS;

/// Longest name, in bytes (RFC 1035, section 2.3.4: 255 in the message's form).
const MOST_BYTES: usize = 253;
/// Longest part between two dots, in bytes (RFC 1035, section 2.3.4).
const MOST_LABEL: usize = 63;

/// A host name of the public DNS, in small letters and without a dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// Why something is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Not a host name.
    #[error(
        "{0:?} is no domain: write letters, digits and hyphens between dots, such as shop.example.org, and \
         others than those letters as xn--"
    )]
    Form(String),
    /// A name that cannot be bought.
    #[error("{0:?} is a name of the home's own network, for which nobody but this device gives certificates")]
    Home(String),
}

impl DomainName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `zone` or below it.
    #[must_use]
    pub fn is_in(&self, zone: &Self) -> bool {
        self.0.strip_suffix(&zone.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl TryFrom<String> for DomainName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let name = text.strip_suffix('.').unwrap_or(&text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=MOST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // The last part of a name is never a number (RFC 3696, section 2): that is an address.
        let top = name.rsplit('.').next().unwrap_or_default();
        let is_name = name.contains('.') && !top.bytes().all(|byte| byte.is_ascii_digit());
        if name.len() > MOST_BYTES || !is_name || !name.split('.').all(label) {
            return Err(NameError::Form(text));
        }
        let is_home = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if DOMAINS.into_iter().any(is_home) {
            return Err(NameError::Home(text));
        }
        Ok(Self(name))
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<DomainName, NameError> {
        text.to_owned().try_into()
    }

    #[test]
    fn what_is_a_domain() {
        for (text, read) in [
            ("shop.example.org", "shop.example.org"),
            ("Shop.Example.ORG.", "shop.example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("mylocal.example", "mylocal.example"),
            ("notlocal.lan.example", "notlocal.lan.example"),
        ] {
            assert_eq!(name(text).unwrap().as_str(), read);
        }
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            ".",
            "example",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "192.168.1.2",
            "bücher.example",
        ]
        .into_iter()
        .chain(["https://a.example", "a.example:443", "*.a.example", long.as_str()])
        {
            assert_eq!(name(text), Err(NameError::Form(text.to_owned())));
        }
        for text in ["kitchen.local", "a.home.arpa", "a.b.lan"] {
            assert_eq!(name(text), Err(NameError::Home(text.to_owned())));
        }
    }

    #[test]
    fn a_name_is_in_its_zone() {
        let [shop, zone, other] =
            ["shop.example.org", "example.org", "ample.org"].map(|text| name(text).unwrap());
        assert!(shop.is_in(&zone) && zone.is_in(&zone));
        assert!(!shop.is_in(&other) && !zone.is_in(&shop));
    }
}
