//! The text on the screen and on the serial console: name, address, state, what to do next.

use std::fmt::Write as _;
use std::net::IpAddr;

use tayberry_format::slot::Slot;
use tayberry_format::state::SetupNetwork;

use crate::card::{Card, Letters};
use crate::status::State;

/// What the screen shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen<'a> {
    /// Host name.
    pub name: &'a str,
    /// Version of the operating system.
    pub version: &'a str,
    /// Slot that runs.
    pub slot: Slot,
    /// State of the slots.
    pub state: State,
    /// Addresses, loopback left out.
    pub addresses: &'a [IpAddr],
    /// The claim of a device that has no owner.
    pub claim: Option<Card<'a>>,
    /// The setup network while it is open.
    pub setup_network: Option<&'a SetupNetwork>,
    /// Anything that the owner must know, one sentence each.
    pub notices: &'a [String],
}

/// Renders the screen: at most 80 columns; ASCII and half blocks, because the framebuffer console has few other letters.
#[must_use]
pub fn render(screen: &Screen<'_>) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        text.write_fmt(line).unwrap_or_default();
        text.push_str("\r\n");
    };
    line(format_args!(""));
    line(format_args!("  Tayberry {}   slot {}, {}", screen.version, screen.slot, screen.state.word()));
    line(format_args!(""));
    line(format_args!("  Name       {}.local", screen.name));
    if screen.addresses.is_empty() {
        line(format_args!("  Address    none yet: plug in a network cable"));
    }
    for (index, address) in screen.addresses.iter().enumerate() {
        line(format_args!("  {:10} {address}", if index == 0 { "Address" } else { "" }));
    }
    for notice in screen.notices {
        line(format_args!("  Attention  {notice}"));
    }
    if let Some(card) = &screen.claim {
        line(format_args!(""));
        line(format_args!("  This device has no owner yet. Open {} or scan:", card.address()));
        line(format_args!("  Claim code {}", card.code));
        if let Some(network) = screen.setup_network {
            line(format_args!(
                "  Wi-Fi      {}, password {}",
                network.ssid.as_ref(),
                network.passphrase.as_ref()
            ));
        }
        let halves = card.fingerprint.split_at_checked(48).unwrap_or((card.fingerprint, ""));
        line(format_args!("  SHA-256    {}", halves.0));
        line(format_args!("             {}", halves.1));
        // Without a code the text above still is enough.
        for row in card.qr(Letters::Light).unwrap_or_default().lines() {
            line(format_args!("  {row}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let addresses: Vec<IpAddr> = vec!["192.168.1.20".parse().unwrap(), "fd00::20".parse().unwrap()];
        let notices = vec!["The data partition cannot be used.".to_owned()];
        let screen = Screen {
            name: "tayberry",
            version: "0.1.0",
            slot: Slot::A,
            state: State::Committed,
            addresses: &addresses,
            claim: None,
            setup_network: None,
            notices: &notices,
        };
        assert_eq!(render(&screen).replace('\r', ""), include_str!("../fixtures/console.txt"));
        let without = render(&Screen { addresses: &[], notices: &[], ..screen.clone() });
        assert!(without.contains("plug in a network cable"));
        let code = "12345678".to_owned().try_into().unwrap();
        let fingerprint = ["AB"; 32].join(":");
        let claim = Some(Card { name: "tayberry", code: &code, fingerprint: &fingerprint });
        let network = SetupNetwork::from_random([1; SetupNetwork::RANDOM]);
        let unclaimed = render(&Screen { claim, setup_network: network.as_ref(), notices: &[], ..screen });
        assert_eq!(unclaimed.replace('\r', ""), include_str!("../fixtures/console-unclaimed.txt"));
        assert!(unclaimed.lines().all(|line| line.chars().count() <= 80));
    }
}
