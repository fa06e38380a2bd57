//! What to change about the files that NetworkManager reads.

use std::collections::BTreeMap;

use crate::network::profile::Profile;

/// The files of a folder: names and contents.
pub type Files = BTreeMap<String, String>;

/// Changes to the folder; none when nothing differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// To be written.
    pub write: Vec<Profile>,
    /// To be removed.
    pub remove: Vec<String>,
}

impl Changes {
    /// Nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.write.is_empty() && self.remove.is_empty()
    }
}

/// How the names of our files begin. NetworkManager keeps others in the same folder, such as the loopback's.
const OURS: &str = "tayberry-";

/// Decides. Of our files, those that are not wanted go.
#[must_use]
pub fn plan(wanted: &[Profile], found: &Files) -> Changes {
    let differs = |profile: &&Profile| found.get(profile.file) != Some(&profile.text);
    let unwanted = |name: &&String| {
        name.starts_with(OURS) && !wanted.iter().any(|profile| profile.file == name.as_str())
    };
    Changes {
        write: wanted.iter().filter(differs).cloned().collect(),
        remove: found.keys().filter(unwanted).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use tayberry_format::state::{SetupNetwork, State};

    use super::*;
    use crate::network::profile::render;

    #[test]
    fn a_second_plan_is_empty() {
        let state =
            State { setup_network: SetupNetwork::from_random([3; SetupNetwork::RANDOM]), ..State::default() };
        let wanted = render(&state);
        assert!(wanted.iter().all(|profile| profile.file.starts_with(OURS)));
        let [old, other] = ["tayberry-wifi.nmconnection", "lo.nmconnection"].map(str::to_owned);
        let mut found = Files::from([(old.clone(), String::new()), (other, String::new())]);
        let first = plan(&wanted, &found);
        assert_eq!((first.write.len(), &first.remove), (2, &vec![old]));
        found.retain(|name, _| !first.remove.contains(name));
        found.extend(first.write.into_iter().map(|profile| (profile.file.to_owned(), profile.text)));
        assert!(plan(&wanted, &found).is_empty());
    }
}
