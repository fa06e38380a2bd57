//! Slows down whoever guesses codes or passwords: per address and in total, with limits that expire by themselves, so
//! that nobody can lock the owner out for good. Time is given, as a span since any fixed moment.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Wrong answers of one address that cost nothing: people mistype.
const FREE: u32 = 3;
/// Wrong answers of all addresses together that cost nothing.
const FREE_TOTAL: u32 = 20;
/// The first wait; each further wrong answer doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait of one address.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest wait of everybody. Short, because it also holds for the owner: 8 digits are still 47 years of guessing.
const LONGEST_WAIT_TOTAL: Duration = Duration::from_secs(30);
/// So long after the last wrong answer everything is forgotten.
const FORGET: Duration = Duration::from_secs(3600);
/// Addresses that are remembered; beyond that the one that was quiet longest is forgotten. The total limit still holds.
const ADDRESSES: usize = 1024;

/// Wrong answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Strikes {
    count: u32,
    last: Duration,
}

impl Strikes {
    /// How long from `now` until the next answer is looked at.
    fn wait(strikes: Option<Self>, free: u32, longest: Duration, now: Duration) -> Duration {
        let Some(Self { count, last }) = strikes.filter(|strikes| !strikes.is_forgotten(now)) else {
            return Duration::ZERO;
        };
        let Some(over) = count.checked_sub(free) else { return Duration::ZERO };
        let pause = FIRST_WAIT.saturating_mul(1 << over.min(20)).min(longest);
        (last + pause).saturating_sub(now)
    }

    fn is_forgotten(self, now: Duration) -> bool {
        now >= self.last + FORGET
    }

    fn add(strikes: Option<Self>, now: Duration) -> Self {
        let before = strikes.filter(|strikes| !strikes.is_forgotten(now));
        Self { count: before.map_or(1, |strikes| strikes.count.saturating_add(1)), last: now }
    }
}

/// The limits of one door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    addresses: BTreeMap<IpAddr, Strikes>,
    total: Option<Strikes>,
}

impl Limits {
    /// How long this address has to wait before its next answer is looked at; zero when it may try now.
    #[must_use]
    pub fn wait(&self, address: IpAddr, now: Duration) -> Duration {
        let own = Strikes::wait(self.addresses.get(&network(address)).copied(), FREE, LONGEST_WAIT, now);
        own.max(Strikes::wait(self.total, FREE_TOTAL, LONGEST_WAIT_TOTAL, now))
    }

    /// Notes a wrong answer.
    pub fn wrong(&mut self, address: IpAddr, now: Duration) {
        self.addresses.retain(|_, strikes| !strikes.is_forgotten(now));
        let address = network(address);
        let strikes = Strikes::add(self.addresses.get(&address).copied(), now);
        self.addresses.insert(address, strikes);
        self.total = Some(Strikes::add(self.total, now));
        if self.addresses.len() > ADDRESSES {
            let quiet =
                self.addresses.iter().min_by_key(|(_, strikes)| strikes.last).map(|(address, _)| *address);
            quiet.map(|address| self.addresses.remove(&address));
        }
    }

    /// Notes a right answer: that address starts afresh.
    pub fn right(&mut self, address: IpAddr) {
        self.addresses.remove(&network(address));
    }
}

/// One client may use every address of an IPv6 network of 64 bits (RFC 4291, section 2.5.1): such a network counts as
/// one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn the_wait_doubles_and_expires() {
        let mut limits = Limits::default();
        let waits: Vec<u64> = (0..12)
            .map(|_| {
                limits.wrong(address(1), at(10));
                limits.wait(address(1), at(10)).as_secs()
            })
            .collect();
        assert_eq!(waits, [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(limits.wait(address(2), at(10)), Duration::ZERO, "others are not slowed");
        assert_eq!(limits.wait(address(1), at(10 + 299)), at(1));
        assert_eq!(limits.wait(address(1), at(10 + 300)), Duration::ZERO);
        limits.wrong(address(1), at(10 + 3600));
        assert_eq!(limits.wait(address(1), at(10 + 3600)), Duration::ZERO, "an hour later all is forgotten");
    }

    #[test]
    fn many_addresses_together_are_slowed_but_never_shut_out() {
        let mut limits = Limits::default();
        for last in 0..200 {
            limits.wrong(address(last), at(0));
        }
        assert_eq!(limits.wait(address(250), at(0)), LONGEST_WAIT_TOTAL);
        assert_eq!(limits.wait(address(250), LONGEST_WAIT_TOTAL), Duration::ZERO);
    }

    #[test]
    fn a_right_answer_starts_afresh_and_networks_count_as_one() {
        let mut limits = Limits::default();
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        for last in 0..5 {
            limits.wrong(v6(last), at(0));
        }
        assert_eq!(limits.wait(v6(99), at(0)), at(8));
        limits.right(v6(7));
        assert_eq!(limits.wait(v6(99), at(0)), Duration::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn memory_is_bounded_and_no_wait_exceeds_the_longest(tries in proptest::collection::vec((any::<u32>(), 0u64..5), 0..3000)) {
            let mut limits = Limits::default();
            let mut now = Duration::ZERO;
            for (bits, pause) in tries {
                now += at(pause);
                let address = IpAddr::from(bits.to_be_bytes());
                limits.wrong(address, now);
                prop_assert!(limits.wait(address, now) <= LONGEST_WAIT);
                prop_assert!(limits.addresses.len() <= ADDRESSES);
            }
        }
    }
}
