//! `env_file`: environment that lies beside the compose file (Compose Specification, "Env_file format"). What it says stands behind
//! `environment`. Nothing is filled in: a dollar sign is one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, de};

use super::Refusal;
use super::compose::Stack;
use super::values::is_variable;

/// All files together, in bytes at most: with the compose file they have to fit into a request.
pub const MOST_BYTES: usize = 24 << 10;
/// Files at most.
pub const MOST_FILES: usize = 16;

/// The files of a service; the last one that names a variable counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvFiles(Vec<String>);

impl<'de> Deserialize<'de> for EnvFiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(String),
            Many(Vec<String>),
        }
        let files = match Form::deserialize(deserializer)? {
            Form::One(name) => vec![name],
            Form::Many(names) => names,
        };
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
        let is_beside = |name: &String| {
            let parts = name.strip_prefix("./").unwrap_or(name).split('/');
            name.len() <= 128
                && name.chars().all(allowed)
                && parts.clone().all(|part| !part.is_empty() && part != "..")
        };
        match files.iter().find(|name| !is_beside(name)) {
            Some(other) => Err(de::Error::custom(format!("{other:?} is no file beside the compose file"))),
            None => Ok(Self(files)),
        }
    }
}

/// The files that a compose file names: whoever sends it sends them, too.
///
/// # Errors
/// With the line and the reason when it is none.
pub fn names(compose: &str) -> Result<BTreeSet<String>, Refusal> {
    let stack: Stack = serde_saphyr::from_str(compose)?;
    let named = stack.services.into_values().filter_map(|service| service.value.env_file);
    Ok(named.flat_map(|files| files.value.0).collect())
}

/// What a file says. Else the line, from 1, and what is wrong with it.
fn read(text: &str) -> Result<BTreeMap<String, String>, (usize, &'static str)> {
    let mut pairs = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or((number, "is not NAME=VALUE"))?;
        if !is_variable(name) {
            return Err((number, "has a name of other things than letters, digits and _ . - /"));
        }
        let quoted = |sign: char| value.strip_prefix(sign).and_then(|rest| rest.strip_suffix(sign));
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        pairs.insert(name.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

impl Stack {
    /// Puts what `files` say behind the environment of the services that name them.
    pub(super) fn take_env_files(&mut self, files: &BTreeMap<String, String>) -> Result<(), Refusal> {
        if files.len() > MOST_FILES || files.values().map(String::len).sum::<usize>() > MOST_BYTES {
            let most = MOST_BYTES >> 10;
            return Err(Refusal::whole(format!(
                "it comes with more than {MOST_FILES} files of environment, or more than {most} KiB of them"
            )));
        }
        for service in self.services.values_mut() {
            let Some(named) = &service.value.env_file else { continue };
            for name in named.value.0.iter().rev() {
                let refuse = |why: String| Refusal::at(named, format!("{name} {why}"));
                let text =
                    files.get(name).ok_or_else(|| refuse("was not sent with the compose file".into()))?;
                let pairs = read(text)
                    .map_err(|(line, why)| refuse(format!("cannot be used: its line {line} {why}")))?;
                for (name, value) in pairs {
                    service.value.environment.0.entry(name).or_insert(value);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "services:\n  a:\n    image: \"a/b:1\"\n    env_file: [one.env, conf/two.env]\n    environment: { A: own }\n";

    fn files(one: &str, two: &str) -> BTreeMap<String, String> {
        [("one.env", one), ("conf/two.env", two)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into()
    }

    #[test]
    fn the_last_word_counts_and_the_service_s_own_is_the_last() {
        let files = files("# first\nA=1\nB=1\n\nC=\"a $b\"\n", "B='2'\n");
        let stack = Stack::parse_with(FILE, &files).unwrap();
        let all = &stack.services.values().next().unwrap().value.environment.0;
        let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all, ["A=own", "B=2", "C=a $b"]);
        assert_eq!(names(FILE).unwrap(), files.into_keys().collect());
    }

    #[test]
    fn a_file_that_says_nothing_sensible_is_refused_with_its_line() {
        let refusal = |files| Stack::parse_with(FILE, &files).unwrap_err().to_string();
        for (one, words) in
            [("A=1\nexport", "line 4: one.env cannot be used: its line 2"), ("a b=1", "its line 1")]
        {
            assert!(refusal(files(one, "")).contains(words), "{}", refusal(files(one, "")));
        }
        assert!(refusal(BTreeMap::new()).contains("conf/two.env was not sent"));
        let outside = Stack::parse(&FILE.replace("one.env", "../one.env")).unwrap_err().to_string();
        assert!(outside.contains("no file beside"), "{outside}");
    }
}
