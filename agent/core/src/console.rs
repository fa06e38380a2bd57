//! The text on the screen and on the serial console: name, address, state, what to do next.

use std::fmt::Write as _;
use std::net::IpAddr;

use tayberry_format::slot::Slot;

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
    /// Anything that the owner must know, one sentence each.
    pub notices: &'a [String],
}

/// Renders the screen: at most 80 columns, ASCII only, because the firmware's framebuffer console has no other letters.
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
            notices: &notices,
        };
        assert_eq!(render(&screen).replace('\r', ""), include_str!("../fixtures/console.txt"));
        let without = render(&Screen { addresses: &[], notices: &[], ..screen });
        assert!(without.contains("plug in a network cable"));
    }
}
