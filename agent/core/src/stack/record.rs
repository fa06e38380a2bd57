//! What the device remembers of its stack: the declaration, the one before it, and which users each service has. Saving it is left
//! to the agent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compose::Stack;
use super::quadlet::USERS;
use super::values::Name;
use super::{Refusal, images};
use crate::request::stack::ComposeFile;

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
    Own(Own),
}

/// The owner's compose file, and those beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Own(pub ComposeFile);

/// As it is kept: the text alone where that is all, which older systems understand.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Files(ComposeFile),
}

impl From<Form> for Own {
    fn from(form: Form) -> Self {
        Self(match form {
            Form::Text(compose) => ComposeFile { compose, env_files: BTreeMap::new() },
            Form::Files(file) => file,
        })
    }
}

impl From<Own> for Form {
    fn from(own: Own) -> Self {
        if own.0.env_files.is_empty() { Self::Text(own.0.compose) } else { Self::Files(own.0) }
    }
}

/// The record. What a newer system wrote and this one does not know is left out: after the way back the stack is still there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What holds.
    pub declared: Declared,
    /// What held before it, if anything ever did.
    pub previous: Option<Declared>,
    /// What holds was never brought about to its end: if a part of it cannot take the place of the old one, it is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// Blocks of users by service. A service keeps its own for ever: its files belong to them.
    #[serde(default)]
    blocks: BTreeMap<String, u32>,
    /// Images of declarations that are not remembered any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    forgotten: BTreeSet<String>,
    /// In which format services keep what lies in their volumes, as far as they say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    formats: BTreeMap<String, String>,
    /// Secrets that are to get new digits.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    renewed: BTreeSet<String>,
}

impl Record {
    /// That of a device that just got its owner.
    #[must_use]
    pub fn new_owner() -> Self {
        Self { declared: Declared::System, ..Self::default() }
    }

    /// Declares something else.
    pub fn declare(&mut self, next: Declared) {
        if next == self.declared {
            return;
        }
        self.unproven = true;
        let gone = self.previous.replace(std::mem::replace(&mut self.declared, next));
        if let Some(Declared::Own(Own(file))) = gone
            && let Ok(stack) = Stack::parse_with(&file.compose, &file.env_files)
        {
            self.forgotten.extend(images::references(&stack).map(str::to_owned));
        }
    }

    /// Declares what was declared before. False when there is nothing.
    pub fn roll_back(&mut self) -> bool {
        let Some(previous) = self.previous.take() else { return false };
        self.declare(previous);
        true
    }

    /// An attempt to bring about `tried` ended, whatever came of it. Something else may have been declared meanwhile: that is not proven.
    pub fn ended(&mut self, tried: &Declared) {
        self.unproven &= self.declared != *tried;
    }

    /// Declares what was declared before if `tried` still holds and was never brought about. True if it did.
    pub fn take_back(&mut self, tried: &Declared) -> bool {
        let back = self.unproven && self.declared == *tried && self.roll_back();
        self.ended(tried);
        // It held before.
        self.unproven &= !back;
        back
    }

    /// Images of earlier declarations.
    #[must_use]
    pub fn forgotten(&self) -> &BTreeSet<String> {
        &self.forgotten
    }

    /// No image of this name is there any more.
    pub fn was_removed(&mut self, reference: &str) {
        self.forgotten.remove(reference);
    }

    /// Remembers that a secret gets new digits.
    pub fn renew(&mut self, secret: &Name) {
        self.renewed.insert(secret.to_string());
    }

    /// Whether it is to get some.
    #[must_use]
    pub fn is_renewed(&self, secret: &Name) -> bool {
        self.renewed.contains(&secret.to_string())
    }

    /// It got them.
    pub fn was_renewed(&mut self, secret: &Name) {
        self.renewed.remove(&secret.to_string());
    }

    /// Whether what a service kept lies in another format than the one that `stack` has for it: it might not be read, or be spoilt.
    ///
    /// # Errors
    /// With the line of the first such `data-format`.
    pub fn refuses(&self, stack: &Stack) -> Result<(), Refusal> {
        for (name, service) in &stack.services {
            let Some(wanted) = &service.value.tayberry.data_format else { continue };
            let kept = self.formats.get(&name.to_string()).filter(|kept| **kept != wanted.value);
            if let Some(kept) = kept {
                let other = &wanted.value;
                return Err(Refusal::at(
                    wanted,
                    format!(
                        "what {name} keeps is {kept} and not {other}: give the new version another service name, \
                         move the data there by its own means, and remove the old volumes then"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The services of `stack` start on their volumes.
    pub fn starts_on_data(&mut self, stack: &Stack) {
        for (name, service) in &stack.services {
            let format = service.value.tayberry.data_format.as_ref();
            if let Some(format) = format.filter(|_| !service.value.volumes.is_empty()) {
                self.formats.insert(name.to_string(), format.value.clone());
            }
        }
    }

    /// A service has no volume any more.
    pub fn keeps_nothing(&mut self, service: &str) {
        self.formats.remove(service);
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
    fn data_of_another_format_are_refused_until_they_are_gone() {
        let of = |format: &str| {
            let text = format!(
                "services:\n  db:\n    image: \"a/b:1\"\n    volumes: [\"kept:/data\"]\n    x-tayberry:\n      data-format: {format}\nvolumes: {{ kept: }}\n"
            );
            Stack::parse(&text).unwrap()
        };
        let mut record = Record::default();
        record.refuses(&of("mongo-7.0")).unwrap();
        record.starts_on_data(&of("mongo-7.0"));
        record.refuses(&of("mongo-7.0")).unwrap();
        record.starts_on_data(&stack(&["db"]));
        let refusal = record.refuses(&of("mongo-8.0")).unwrap_err();
        assert_eq!(refusal.line, Some(6));
        assert!(
            refusal
                .reason
                .contains("is mongo-7.0 and not mongo-8.0: give the new version another service name, move"),
            "{refusal}"
        );
        record.keeps_nothing("db");
        record.refuses(&of("mongo-8.0")).unwrap();
    }

    #[test]
    fn secrets_are_remembered_until_each_is_renewed() {
        let [key, other]: [Name; 2] = ["key", "other"].map(|name| name.parse().unwrap());
        let mut record = Record::default();
        record.renew(&key);
        record.renew(&other);
        let mut read: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        read.was_renewed(&key);
        assert!(read.is_renewed(&other) && !read.is_renewed(&key));
    }

    #[test]
    fn what_a_newer_system_adds_does_not_lose_the_stack() {
        let text = r#"{"declared":"system","previous":null,"blocks":{},"newer":1}"#;
        assert_eq!(serde_json::from_str::<Record>(text).unwrap().declared, Declared::System);
    }

    fn file(text: &str, env_files: &[(&str, &str)]) -> ComposeFile {
        let env_files = env_files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        ComposeFile { compose: text.into(), env_files: env_files.collect() }
    }

    #[test]
    fn images_are_forgotten_with_the_declaration_that_nobody_can_go_back_to() {
        let own = |image: &str| {
            Declared::Own(Own(file(&format!("services: {{ a: {{ image: \"{image}\" }} }}"), &[])))
        };
        let mut record = Record::default();
        for image in ["a/b:1", "a/b:2"] {
            record.declare(own(image));
        }
        record.roll_back();
        assert!(record.forgotten().is_empty(), "{record:?}");
        record.declare(own("a/b:3"));
        assert_eq!(record.forgotten().iter().collect::<Vec<_>>(), ["a/b:2"]);
        record.was_removed("a/b:2");
        assert!(record.forgotten().is_empty());
    }

    #[test]
    fn files_of_environment_are_kept_and_a_file_alone_is_as_older_systems_keep_it() {
        let alone = Declared::Own(Own(file("services: {}", &[])));
        assert_eq!(serde_json::to_string(&alone).unwrap(), r#"{"own":"services: {}"}"#);
        let both = Declared::Own(Own(file("services: {}", &[("a.env", "A=1")])));
        for one in [alone, both] {
            let text = serde_json::to_string(&one).unwrap();
            assert_eq!(serde_json::from_str::<Declared>(&text).unwrap(), one);
        }
    }

    #[test]
    fn what_was_never_brought_about_is_taken_back_and_nothing_else() {
        let own = |text: &str| Declared::Own(Own(file(text, &[])));
        let mut record = Record::default();
        for text in ["one", "bad"] {
            record.declare(own(text));
        }
        let unproven = record.clone();
        assert!(record.take_back(&own("bad")) && record.declared == own("one") && !record.unproven);
        assert!(!record.take_back(&own("one")), "it held before: what is wrong with it now is told");

        let mut record = unproven.clone();
        record.declare(own("good"));
        assert!(!record.take_back(&own("bad")), "another one was declared while that was tried");
        record.ended(&own("bad"));
        assert_eq!((&record.declared, record.unproven), (&own("good"), true));
        record.ended(&own("good"));
        assert!(!record.take_back(&own("good")));
        let kept: Record = serde_json::from_str(&serde_json::to_string(&unproven).unwrap()).unwrap();
        assert!(kept.unproven, "a power cut does not prove it");
    }

    #[test]
    fn the_way_back_leads_there_and_here_again() {
        let own = |text: &str| Declared::Own(Own(file(text, &[])));
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
