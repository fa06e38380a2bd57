//! For which names and how long the device's certificates hold. Making them is left to the agent. Times are seconds since
//! 1970.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::request::status::TimeSource;

const DAY: i64 = 86_400;
/// Apple's limit for certificates of authorities that a person added (support.apple.com/103769).
const PROVISIONAL: i64 = 825 * DAY;
/// Life of a certificate once the time is known. It renews itself, so it may be short.
const LIFE: i64 = 90 * DAY;
/// A certificate with less than this left is renewed.
const RENEW: i64 = 30 * DAY;
/// How far the begin lies back: other clocks are a little late.
const SLACK: i64 = DAY;

/// Life of the authority itself: 25 years.
pub const AUTHORITY: i64 = 25 * 365 * DAY;

/// The domains that the authority may speak for (RFC 5280, section 4.2.1.10): names that nobody can buy. Whoever trusts
/// it for the device does not trust it for anything else.
pub const DOMAINS: [&str; 4] = ["local", "home.arpa", "internal", "lan"];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Host names.
    pub names: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
    /// Made while the time was unknown.
    pub provisional: bool,
}

/// What the device is called and knows now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is called, without a domain: its own name, and the one under which it is found if a neighbour had that
    /// already.
    pub hostnames: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// Where the time came from.
    pub source: TimeSource,
    /// The time.
    pub now: i64,
    /// When the operating system was built.
    pub build: i64,
}

/// The certificate to have now.
#[must_use]
pub fn wanted(facts: &Facts) -> Leaf {
    let mut hosts = facts.hostnames.clone();
    hosts.dedup();
    let names = hosts.iter().flat_map(|host| DOMAINS.map(|domain| format!("{host}.{domain}"))).collect();
    let provisional = !clock::is_known(facts.source);
    let (not_before, life) =
        if provisional { (facts.build, PROVISIONAL) } else { ((facts.now - SLACK).max(facts.build), LIFE) };
    Leaf { names, addresses: facts.addresses.clone(), not_before, not_after: not_before + life, provisional }
}

/// Whether `held` no longer does.
#[must_use]
pub fn must_renew(held: &Leaf, facts: &Facts) -> bool {
    let wanted = wanted(facts);
    held.names != wanted.names
        || held.addresses != wanted.addresses
        || held.provisional != wanted.provisional
        || facts.now < held.not_before
        || facts.now > held.not_after - RENEW
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUILD: i64 = 1_795_000_000;

    fn facts(source: TimeSource, now: i64) -> Facts {
        let addresses = vec![IpAddr::from([192, 168, 1, 20])];
        Facts { hostnames: vec!["kitchen".to_owned(); 2], addresses, source, now, build: BUILD }
    }

    #[test]
    fn an_unknown_time_gives_a_long_certificate_from_the_build_on() {
        let leaf = wanted(&facts(TimeSource::Build, BUILD + 60));
        assert_eq!((leaf.not_before, leaf.not_after), (BUILD, BUILD + 825 * DAY));
        assert_eq!((leaf.names[0].as_str(), leaf.names.len()), ("kitchen.local", DOMAINS.len()));
        let later = facts(TimeSource::Network, BUILD + 400 * DAY);
        assert!(must_renew(&leaf, &later), "the time is known now");
        let leaf = wanted(&later);
        assert_eq!((leaf.not_before, leaf.not_after), (BUILD + 399 * DAY, BUILD + 489 * DAY));
    }

    #[test]
    fn other_names_addresses_and_times_renew() {
        let first = facts(TimeSource::Network, BUILD + 10 * DAY);
        let leaf = wanted(&first);
        assert!(!must_renew(&leaf, &first));
        assert!(must_renew(&leaf, &Facts { hostnames: vec!["attic".into()], ..first.clone() }));
        assert!(must_renew(&leaf, &Facts { addresses: Vec::new(), ..first.clone() }));
        assert!(!must_renew(&leaf, &Facts { now: first.now + 58 * DAY, ..first.clone() }));
        assert!(must_renew(&leaf, &Facts { now: first.now + 60 * DAY, ..first.clone() }));
        assert!(must_renew(&leaf, &Facts { now: first.now - 2 * DAY, ..first }));
    }

    proptest! {
        #[test]
        fn a_new_certificate_holds_now_and_needs_no_renewal(known: bool, days in 0i64..20_000) {
            let source = if known { TimeSource::Clock } else { TimeSource::Build };
            // Without a known time the clock counts on from the build.
            let now = BUILD + if known { days * DAY } else { days * 60 };
            let facts = facts(source, now);
            let leaf = wanted(&facts);
            prop_assert!(leaf.not_before <= now && now < leaf.not_after);
            prop_assert!(leaf.not_after - leaf.not_before <= PROVISIONAL);
            prop_assert!(!must_renew(&leaf, &facts));
        }
    }
}
