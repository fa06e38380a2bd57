//! Configuration from state: every file under `/run/tayberry/etc` that programs of the device read. The read-only
//! `/etc` points there. Writing the files is left to the agent.

use tayberry_format::state::State;

/// Folder of the rendered files on the device.
pub const FOLDER: &str = "/run/tayberry/etc";
/// The time zones that the device knows (tzdata).
pub const ZONES: &str = "/usr/share/zoneinfo";

/// One entry of [`FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file that everybody may read.
    File {
        /// Name.
        name: &'static str,
        /// Contents.
        text: String,
    },
    /// A symbolic link.
    Link {
        /// Name.
        name: &'static str,
        /// Where it points.
        target: String,
    },
}

impl Entry {
    /// Name in [`FOLDER`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::File { name, .. } | Self::Link { name, .. } => name,
        }
    }
}

/// The host name: the owner's, else the image's.
#[must_use]
pub fn hostname<'a>(state: &'a State, image: &'a str) -> &'a str {
    state.hostname.as_ref().map_or(image, AsRef::as_ref)
}

/// Renders all entries. `image_hostname` is the name of a device that nobody named.
#[must_use]
pub fn render(state: &State, image_hostname: &str) -> Vec<Entry> {
    let zone = state.timezone.as_ref().map_or("UTC", AsRef::as_ref);
    let mut entries = vec![
        Entry::File { name: "hostname", text: format!("{}\n", hostname(state, image_hostname)) },
        Entry::Link { name: "localtime", target: format!("{ZONES}/{zone}") },
    ];
    if !state.ssh_key.is_empty() {
        // sshd runs only where this file is (ssh.service.d/10-tayberry.conf).
        let lines: String = state.ssh_key.iter().map(|key| format!("{}\n", key.as_ref())).collect();
        entries.push(Entry::File { name: "authorized_keys", text: lines });
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// All entries in one text.
    fn shown(state: &State) -> String {
        let mut text = String::new();
        for entry in render(state, "tayberry") {
            match entry {
                Entry::File { name, text: content } => write!(text, "== {name}\n{content}").unwrap(),
                Entry::Link { name, target } => writeln!(text, "== {name} -> {target}").unwrap(),
            }
        }
        text
    }

    #[test]
    fn golden() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f owner";
        let state = State {
            hostname: Some("kitchen".to_owned().try_into().unwrap()),
            timezone: Some("Europe/Berlin".to_owned().try_into().unwrap()),
            ssh_key: vec![key.to_owned().try_into().unwrap()],
            ..State::default()
        };
        assert_eq!(shown(&state), include_str!("../fixtures/rendered.txt"));
        assert_eq!(shown(&State::default()), include_str!("../fixtures/rendered-new.txt"));
    }
}
