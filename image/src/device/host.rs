//! Names a device on the command line, and builds its addresses.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port on which a device always answers, whatever its stack does with 443.
const PORT: u16 = 8443;

/// A device's name or address, and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: u16,
}

/// A text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name or address of a device: write it like tayberry.local, 192.168.1.5 or kitchen.local:8443"
)]
pub struct NotAHost(String);

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let refuse = || NotAHost(text.to_owned());
        let plain = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
        let (name, port) = match plain.rsplit_once(':') {
            // The colons of a bare IPv6 address are none of a port.
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name, port.parse().ok().filter(|port| *port > 0).ok_or_else(refuse)?)
            }
            _ => (plain, PORT),
        };
        let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = inner.parse::<Ipv6Addr>() {
            return Ok(Self { name: format!("[{address}]"), port });
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
        };
        let good = name.len() <= 253 && name.split('.').all(label);
        if good { Ok(Self { name: name.to_ascii_lowercase(), port }) } else { Err(refuse()) }
    }
}

impl Host {
    /// The address of a route of the API.
    #[must_use]
    pub fn url(&self, route: &str) -> String {
        format!("https://{}:{}/api/v1{route}", self.name, self.port)
    }

    /// The same device under the name that its owner gave it.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { name: format!("{name}.local"), port: self.port }
    }

    /// What its files are called: the port counts, because several devices may hide behind one address.
    #[must_use]
    pub fn stem(&self) -> String {
        let name = self.name.trim_matches(['[', ']']).replace(':', "_");
        if self.port == PORT { name } else { format!("{name}_{}", self.port) }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.port == PORT { f.write_str(&self.name) } else { write!(f, "{}:{}", self.name, self.port) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_addresses_and_ports() {
        for (text, url, stem) in [
            ("tayberry.local", "https://tayberry.local:8443/api/v1/x", "tayberry.local"),
            ("https://Kitchen.local/", "https://kitchen.local:8443/api/v1/x", "kitchen.local"),
            ("kitchen.local:443", "https://kitchen.local:443/api/v1/x", "kitchen.local_443"),
            ("192.168.1.5:80", "https://192.168.1.5:80/api/v1/x", "192.168.1.5_80"),
            ("fe80::1", "https://[fe80::1]:8443/api/v1/x", "fe80__1"),
            ("[fe80::1]:443", "https://[fe80::1]:443/api/v1/x", "fe80__1_443"),
        ] {
            let host: Host = text.parse().unwrap();
            assert_eq!((host.url("/x").as_str(), host.stem().as_str()), (url, stem), "{text}");
            assert_eq!(host.to_string().parse(), Ok(host), "{text}");
        }
        let renamed = "tayberry.local:443".parse::<Host>().unwrap().renamed("kitchen");
        assert_eq!(renamed.to_string(), "kitchen.local:443");
    }

    proptest! {
        #[test]
        fn no_text_leaves_the_folder_or_the_host(text in "([a-z0-9.:/@?#%\\[\\]-]|\\PC){0,40}") {
            if let Ok(host) = text.parse::<Host>() {
                prop_assert!(!host.stem().contains('/') && !host.stem().starts_with('.'), "{}", host.stem());
                let url = host.url("/x");
                prop_assert_eq!(url.matches('/').count(), 5);
                prop_assert!(!url.contains(['@', '?', '#', '%', ' ']), "{}", url);
            }
        }
    }
}
