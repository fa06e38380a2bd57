//! What the device remembers of its stack: the declaration, the one before it, and which users each service has. Saving it is left
//! to the agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compose::Stack;
use super::quadlet::USERS;
use super::values::Name;

/// First user on the device that belongs to a service: above those of systemd and of people (systemd's UIDS-GIDS.md).
const FIRST_USER: u32 = 0x1000_0000;

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The compose file that holds.
    pub declared: Option<String>,
    /// The one before it; an empty text where there was none.
    pub previous: Option<String>,
    /// Blocks of users by service. A service keeps its own for ever: its files belong to them.
    #[serde(default)]
    blocks: BTreeMap<String, u32>,
}

impl Record {
    /// Declares another file, or none.
    pub fn declare(&mut self, compose: Option<String>) {
        if compose != self.declared {
            self.previous = Some(self.declared.take().unwrap_or_default());
            self.declared = compose;
        }
    }

    /// Declares what was declared before. False when there is nothing.
    pub fn roll_back(&mut self) -> bool {
        let Some(previous) = self.previous.take() else { return false };
        self.declare(Some(previous).filter(|text| !text.is_empty()));
        true
    }

    /// The first user of each service; a new service gets a block of its own.
    pub fn users(&mut self, stack: &Stack) -> BTreeMap<Name, u32> {
        let mut users = BTreeMap::new();
        for name in stack.services.keys() {
            let next = self.blocks.values().max().map_or(0, |last| last + 1);
            let block = *self.blocks.entry(name.to_string()).or_insert(next);
            users.insert(name.clone(), FIRST_USER + block * USERS);
        }
        users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(services: &[&str]) -> Stack {
        let text: String =
            services.iter().map(|name| format!("  {name}: {{ image: \"a/b:1\" }}\n")).collect();
        Stack::parse(&format!("services:\n{text}")).unwrap()
    }

    #[test]
    fn a_service_keeps_its_users_and_shares_them_with_nobody() {
        let mut record = Record::default();
        let first = record.users(&stack(&["b", "c"]));
        record.users(&stack(&["a"]));
        let again = record.users(&stack(&["a", "b", "c"]));
        assert!(first.iter().all(|(name, user)| again.get(name) == Some(user)));
        let mut users: Vec<u32> = again.into_values().collect();
        users.sort_unstable();
        assert!(users.windows(2).all(|pair| pair[1] - pair[0] >= USERS), "{users:?}");
    }

    #[test]
    fn the_way_back_leads_there_and_here_again() {
        let mut record = Record::default();
        assert!(!record.roll_back());
        record.declare(Some("one".into()));
        record.declare(Some("two".into()));
        record.declare(Some("two".into()));
        assert!(record.roll_back());
        assert_eq!(record.declared.as_deref(), Some("one"));
        assert!(record.roll_back());
        assert_eq!(record.declared.as_deref(), Some("two"));
        let mut first = Record::default();
        first.declare(Some("one".into()));
        assert!(first.roll_back());
        assert_eq!(first.declared, None, "there was none before");
    }
}
