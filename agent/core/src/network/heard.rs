//! The list of wireless networks in reach, from the access points that the radio hears.

use std::collections::BTreeMap;

use tayberry_format::preseed::Ssid;

use crate::request::network::WifiNetwork;

/// Bit of an access point that wants a key (`NM_802_11_AP_FLAGS_PRIVACY`).
const PRIVACY: u32 = 1;

/// One access point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its network's name, as it sends it: any bytes.
    pub ssid: Vec<u8>,
    /// Strength, in percent.
    pub strength: u8,
    /// General flags.
    pub flags: u32,
    /// What it wants by WPA; 0 for nothing.
    pub wpa: u32,
    /// What it wants by RSN, which is WPA2 and later; 0 for nothing.
    pub rsn: u32,
}

/// One entry a network, the strongest first. Networks whose name cannot be typed are left out, and so is `own`.
#[must_use]
pub fn networks(heard: &[AccessPoint], joined: Option<&Ssid>, own: Option<&Ssid>) -> Vec<WifiNetwork> {
    let mut found: BTreeMap<String, WifiNetwork> = BTreeMap::new();
    for point in heard {
        let name = String::from_utf8(point.ssid.clone()).ok();
        let Some(ssid) = name.and_then(|name| Ssid::try_from(name).ok()).filter(|ssid| Some(ssid) != own)
        else {
            continue;
        };
        let secured = point.flags & PRIVACY != 0 || point.wpa != 0 || point.rsn != 0;
        let key = ssid.as_ref().to_owned();
        let joined = joined == Some(&ssid);
        let entry = found.entry(key).or_insert(WifiNetwork { ssid, strength: 0, secured, joined });
        entry.strength = entry.strength.max(point.strength.min(100));
        entry.secured |= secured;
    }
    let mut all: Vec<WifiNetwork> = found.into_values().collect();
    all.sort_by_key(|network| std::cmp::Reverse(network.strength));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(ssid: &[u8], strength: u8, rsn: u32) -> AccessPoint {
        AccessPoint { ssid: ssid.to_vec(), strength, flags: 0, wpa: 0, rsn }
    }

    #[test]
    fn one_entry_a_network_and_none_that_cannot_be_typed() {
        let heard = [
            point(b"home", 40, 0x188),
            point(b"home", 90, 0x188),
            point(b"cafe", 95, 0),
            point(b"\xff\xfe", 99, 0),
            point(b"", 99, 0),
            point(b"Tayberry-ABCD", 99, 0x188),
        ];
        let ssid = |name: &str| Ssid::try_from(name.to_owned()).unwrap();
        let list = networks(&heard, Some(&ssid("home")), Some(&ssid("Tayberry-ABCD")));
        let shown: Vec<_> =
            list.iter().map(|one| (one.ssid.as_ref(), one.strength, one.secured, one.joined)).collect();
        assert_eq!(shown, [("cafe", 95, false, false), ("home", 90, true, true)]);
    }
}
