//! What the device remembers of its stack: the declaration, the one before it, and which users each service has. Saving it is left
//! to the agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compose::Stack;
use super::quadlet::USERS;
use super::values::Name;

/// First user on the device that belongs to a service: above those of systemd and of people (systemd's UIDS-GIDS.md).
const FIRST_USER: u32 = 0x1000_0000;

/// What is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    /// No stack.
    #[default]
    Nothing,
    /// The stack that comes with the system, as it is in each version.
    System,
    /// The owner's compose file.
    Own(String),
}

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What holds.
    pub declared: Declared,
    /// What held before it, if anything ever did.
    pub previous: Option<Declared>,
    /// Blocks of users by service. A service keeps its own for ever: its files belong to them.
    #[serde(default)]
    blocks: BTreeMap<String, u32>,
}

impl Record {
    /// That of a device that just got its owner.
    #[must_use]
    pub fn new_owner() -> Self {
        Self { declared: Declared::System, ..Self::default() }
    }

    /// Declares something else.
    pub fn declare(&mut self, next: Declared) {
        if next != self.declared {
            self.previous = Some(std::mem::replace(&mut self.declared, next));
        }
    }

    /// Declares what was declared before. False when there is nothing.
    pub fn roll_back(&mut self) -> bool {
        let Some(previous) = self.previous.take() else { return false };
        self.declare(previous);
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
        let own = |text: &str| Declared::Own(text.into());
        let mut record = Record::default();
        assert!(!record.roll_back());
        record.declare(own("one"));
        record.declare(own("two"));
        record.declare(own("two"));
        assert!(record.roll_back());
        assert_eq!(record.declared, own("one"));
        assert!(record.roll_back());
        assert_eq!(record.declared, own("two"));
        let mut new = Record::new_owner();
        new.declare(own("one"));
        assert!(new.roll_back());
        assert_eq!(new.declared, Declared::System);
    }
}
