//! The device in its networks: its name and addresses, the connections that NetworkManager gets, and what NetworkManager
//! says.

pub mod files;
pub mod manager;
pub mod news;

use std::net::IpAddr;

/// Addresses of all interfaces but loopback and containers' own; link-local IPv6 is left out, nobody types it.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let mut found: Vec<IpAddr> = all
        .filter(|interface| {
            !interface.interface_name.starts_with("veth") && !interface.interface_name.starts_with("podman")
        })
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
        })
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Every address of an interface, link-local ones included: a confirmation may arrive at any of them.
#[must_use]
pub fn addresses_of(name: &str) -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let own = all.filter(|interface| interface.interface_name == name);
    own.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
    })
    .collect()
}

/// The host name.
#[must_use]
pub fn name() -> String {
    nix::unistd::gethostname()
        .map_or_else(|_| "tayberry".to_owned(), |name| name.to_string_lossy().into_owned())
}
