//! Secrets of a stack: random ones, and texts that others stand in, such as a line of a password file. Which are to be made is decided
//! here; making them is left to the agent, and keeping them to Podman.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

use super::compose::{Service, Stack};
use super::values::Name;
use super::{Refusal, check};

/// Longest text, in bytes.
const MOST_BYTES: usize = 4096;

/// A secret, as a file declares it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// It does not come from the file: the device makes it.
    #[serde(default)]
    pub external: Option<bool>,
    /// What the specification has no word for.
    #[serde(default, rename = "x-tayberry")]
    pub tayberry: Extra,
}

/// Ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// What it says; 64 random hexadecimal digits if nothing.
    #[serde(default)]
    pub text: Option<Spanned<Template>>,
}

/// A text with the names of secrets in it: `user api on >{redis-api}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Secret(Name),
}

/// A text that names something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Its braces.
    #[error("a secret in a text is written {{NAME}}, and there are no other braces")]
    Braces,
    /// It says nothing.
    #[error("a secret's text says something")]
    Empty,
    /// Its length.
    #[error("a secret's text has {MOST_BYTES} bytes at most")]
    TooLong,
}

impl FromStr for Template {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() > MOST_BYTES {
            return Err(Malformed::TooLong);
        }
        // Podman keeps no secret that says nothing.
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        let mut parts = Vec::new();
        let mut pieces = text.split('{');
        let first = pieces.next().unwrap_or_default();
        let literal = |text: &str| match text.contains('}') {
            true => Err(Malformed::Braces),
            false => Ok(Part::Text(text.to_owned())),
        };
        parts.push(literal(first)?);
        for piece in pieces {
            let (name, rest) = piece.split_once('}').ok_or(Malformed::Braces)?;
            parts.push(Part::Secret(name.parse().map_err(|_| Malformed::Braces)?));
            parts.push(literal(rest)?);
        }
        Ok(Self(parts))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Template {
    /// The secrets that stand in it.
    fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// The text, once all secrets in it are known.
    fn fill(&self, kept: &Kept) -> Option<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Secret(name) => kept.0.get(name).map(|one| one.value.clone()),
        };
        self.0.iter().map(part).collect()
    }
}

/// A secret that the device keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number: another one whenever it says something else.
    pub id: String,
    /// What it says.
    pub value: String,
}

/// Never what it says: this may end up in a log.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// Those that the device keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept(pub BTreeMap<Name, Known>);

impl Kept {
    /// What changes when a secret of `service` does: a container has its secrets from its start to its end.
    #[must_use]
    pub(super) fn mark(&self, service: &Service) -> Option<String> {
        let id = |name: &Spanned<Name>| self.0.get(&name.value).map(|one| one.id.as_str());
        let ids: Vec<&str> = service.secrets.iter().filter_map(id).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }
}

/// A secret to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Make {
    /// Of random digits.
    Random(Name),
    /// Of this text.
    Text(Name, String),
}

/// Those of random digits.
pub fn random(stack: &Stack) -> impl Iterator<Item = &Name> {
    stack.secrets.keys().filter(|name| text(stack, name).is_none())
}

/// What a secret says beside random digits.
fn text<'a>(stack: &'a Stack, name: &Name) -> Option<&'a Template> {
    stack.secrets.get(name)?.as_ref()?.value.tayberry.text.as_ref().map(|text| &text.value)
}

/// The next ones to be made; none when all are there and say what they should. `anew` are those that get new digits.
#[must_use]
pub fn next(stack: &Stack, kept: &Kept, anew: &[Name]) -> Vec<Make> {
    let missing = |name: &&Name| anew.contains(name) || !kept.0.contains_key(name);
    let random: Vec<Make> = random(stack).filter(missing).cloned().map(Make::Random).collect();
    if !random.is_empty() {
        return random;
    }
    let other = |name: &Name| {
        let wanted = text(stack, name)?.fill(kept)?;
        let there = kept.0.get(name).map(|one| one.value.as_str());
        (there != Some(&wanted)).then(|| Make::Text(name.clone(), wanted))
    };
    stack.secrets.keys().filter_map(other).collect()
}

impl Stack {
    /// Secrets are made on the device, and texts name those that are random.
    pub(super) fn check_secrets(&self) -> Result<(), Refusal> {
        for (name, secret) in self.secrets.iter().filter_map(|(name, one)| Some((name, one.as_ref()?))) {
            if secret.value.external != Some(true) {
                let reason = format!("secret {name} is made on the device: say `external: true`");
                return Err(Refusal::at(secret, reason));
            }
            let Some(text) = &secret.value.tayberry.text else { continue };
            for other in text.value.names() {
                check::known(text, "secret", other, self.secrets.contains_key(other))?;
                let is_text = self.secrets.get(other).and_then(Option::as_ref);
                if is_text.is_some_and(|other| other.value.tayberry.text.is_some()) {
                    let reason = format!("{other} has a text itself: only random secrets stand in one");
                    return Err(Refusal::at(text, reason));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "services:\n  a: { image: \"a/b:1\", secrets: [acl] }\nsecrets:\n  one: { external: true }\n  \
                        acl:\n    external: true\n    x-tayberry: { text: \"user api >{one} ~*\" }\n";

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// The device after it made what it was told; `round` numbers what it makes.
    fn make(kept: &mut Kept, makes: &[Make], round: usize) {
        for one in makes {
            let (name, value) = match one {
                Make::Random(name) => (name, format!("r{round}")),
                Make::Text(name, text) => (name, text.clone()),
            };
            kept.0.insert(name.clone(), Known { id: format!("{round}"), value });
        }
    }

    #[test]
    fn what_stands_in_a_text_is_made_first_and_then_nothing_is_left() {
        let stack = Stack::parse(FILE).unwrap();
        let mut kept = Kept::default();
        let first = next(&stack, &kept, &[]);
        assert_eq!(first, [Make::Random(name("one"))]);
        make(&mut kept, &first, 1);
        let second = next(&stack, &kept, &[]);
        assert_eq!(second, [Make::Text(name("acl"), "user api >r1 ~*".into())]);
        make(&mut kept, &second, 2);
        assert_eq!(next(&stack, &kept, &[]), []);
        let service = &stack.services[&name("a")].value;
        assert_eq!(kept.mark(service).as_deref(), Some("2"));
        // Anew, and cut off between the two: what follows is the same.
        let renewed = next(&stack, &kept, &[name("one")]);
        make(&mut kept, &renewed, 3);
        let rest = next(&stack, &kept, &[]);
        assert_eq!(rest, [Make::Text(name("acl"), "user api >r3 ~*".into())]);
        make(&mut kept, &rest, 4);
        assert_eq!((next(&stack, &kept, &[]), kept.mark(service).as_deref()), (vec![], Some("4")));
        assert!(!format!("{kept:?}").contains("r3"), "{kept:?}");
    }

    #[test]
    fn a_text_that_cannot_be_filled_is_refused_with_its_line() {
        for (from, to, words) in [
            ("{one}", "{two}", "line 7: there is no secret two"),
            ("{one}", "{acl}", "line 7: acl has a text itself"),
            ("{one}", "{one", "a secret in a text is written {NAME}"),
            ("{one}", "one}", "a secret in a text is written {NAME}"),
            ("external: true }", "external: false }", "line 4: secret one is made on the device"),
        ] {
            let refusal = Stack::parse(&FILE.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(refusal.contains(words), "{to}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_otherwise_than_it_is_written(text in any::<String>()) {
            if let Ok(template) = text.parse::<Template>() {
                let back: String = template.0.iter().map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Secret(name) => format!("{{{name}}}"),
                }).collect();
                prop_assert_eq!(back, text);
            }
        }
    }
}
