//! The short forms in which a compose file writes lengths of time, sizes, volumes and the like (Compose Specification).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};

/// A value that is written in a short form which this is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {wanted}")]
pub struct Malformed {
    value: String,
    wanted: &'static str,
}

fn malformed(value: &str, wanted: &'static str) -> Malformed {
    Malformed { value: value.to_owned(), wanted }
}

/// Reads a value from its short form.
macro_rules! from_text {
    ($name:ty) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// The name of a service, volume, network or secret: it becomes part of a unit's and a container's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl FromStr for Name {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let good = text.len() <= 32 && text.starts_with(|first: char| first.is_ascii_lowercase());
        if good && text.chars().all(inner) && !text.ends_with('-') {
            return Ok(Self(text.to_owned()));
        }
        Err(malformed(text, "a name: up to 32 small letters, digits and hyphens, a letter first"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

from_text!(Name);

/// A length of time such as `1m30s`, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || malformed(text, "a length of time such as 30s or 1m30s");
        let mut all = Duration::ZERO;
        let mut rest = text;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, behind) = rest.split_at(digits);
            let unit = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(unit);
            let milliseconds: u64 = match unit {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return Err(wrong()),
            };
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let part = number.checked_mul(milliseconds).map(Duration::from_millis);
            all = part.and_then(|part| all.checked_add(part)).ok_or_else(wrong)?;
            rest = behind;
        }
        if all <= Duration::from_secs(24 * 3600) { Ok(Self(all)) } else { Err(wrong()) }
    }
}

from_text!(Span);

/// A size such as `128m`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || malformed(text, "a size such as 128m or 1g");
        let lower = text.to_ascii_lowercase();
        let digits = lower.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(lower.len());
        let (number, unit) = lower.split_at(digits);
        let shift = match unit {
            "" | "b" => 0,
            "k" | "kb" => 10,
            "m" | "mb" => 20,
            "g" | "gb" => 30,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

from_text!(Bytes);

/// Shares of processors such as `0.5`, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus(pub u32);

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.0;
        let wrong = || de::Error::custom(malformed(&text, "a number of processors such as 0.5"));
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = format!("{part:0<3}");
        let digits = format!("{whole}{}", part.get(..3).ok_or_else(wrong)?);
        let thousandths: u32 = digits.parse().map_err(|_| wrong())?;
        if (1..=64_000).contains(&thousandths) && part.len() == 3 {
            Ok(Self(thousandths))
        } else {
            Err(wrong())
        }
    }
}

/// A named volume at a place in the container: `data:/var/lib/data` or `data:/var/lib/data:ro`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The volume.
    pub volume: Name,
    /// Where it is.
    pub path: ContainerPath,
    /// The container may not write to it.
    pub read_only: bool,
}

impl FromStr for Mount {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WANTED: &str =
            "VOLUME:/PATH or VOLUME:/PATH:ro; folders of the device itself cannot be mounted";
        let mut parts = text.split(':');
        let (Some(volume), Some(path)) = (parts.next(), parts.next()) else {
            return Err(malformed(text, WANTED));
        };
        let read_only = match (parts.next(), parts.next()) {
            (None | Some("rw"), None) => false,
            (Some("ro"), None) => true,
            _ => return Err(malformed(text, WANTED)),
        };
        let wrong = |_| malformed(text, WANTED);
        Ok(Self { volume: volume.parse().map_err(wrong)?, path: path.parse().map_err(wrong)?, read_only })
    }
}

from_text!(Mount);

/// An absolute path in a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerPath(String);

impl FromStr for ContainerPath {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
        let good = text.len() <= 255 && text.starts_with('/') && text.len() > 1 && text.chars().all(allowed);
        if good && !text.split('/').any(|part| part == "..") {
            return Ok(Self(text.to_owned()));
        }
        Err(malformed(text, "an absolute path in the container"))
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

from_text!(ContainerPath);

/// A port of the device, and the container's behind it: `443:8443` or `443:8443/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Of the device.
    pub host: u16,
    /// Of the container.
    pub container: u16,
    /// UDP instead of TCP.
    pub udp: bool,
}

impl FromStr for Port {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || malformed(text, "HOST:CONTAINER or HOST:CONTAINER/udp");
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (host, container) = ports.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str| text.parse().ok().filter(|port| *port > 0).ok_or_else(wrong);
        let udp = match protocol {
            "tcp" => false,
            "udp" => true,
            _ => return Err(wrong()),
        };
        Ok(Self { host: number(host)?, container: number(container)?, udp })
    }
}

from_text!(Port);

/// The beginning of the paths that a service answers: `/` for all, or `/api`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route(String);

impl Route {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Route {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let part = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let parts = text.strip_prefix('/').unwrap_or_default();
        if text.len() <= 64 && (text == "/" || parts.split('/').all(part)) {
            return Ok(Self(text.to_owned()));
        }
        Err(malformed(text, "the beginning of a path such as / or /api"))
    }
}

from_text!(Route);

/// A text, number or truth value as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A command: a list of words, or a line that is split at blanks. No shell sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Words")]
pub struct Command(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<Scalar>),
    Line(String),
}

impl From<Words> for Command {
    fn from(words: Words) -> Self {
        Self(match words {
            Words::List(list) => list.into_iter().map(|word| word.0).collect(),
            Words::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
        })
    }
}

/// Names and values: a mapping, or a list of `NAME=VALUE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PairsForm")]
pub struct Pairs(pub BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum PairsForm {
    Map(BTreeMap<String, Scalar>),
    List(Vec<String>),
}

impl TryFrom<PairsForm> for Pairs {
    type Error = Malformed;

    fn try_from(form: PairsForm) -> Result<Self, Malformed> {
        let pair = |text: String| {
            let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
            pair.ok_or_else(|| {
                malformed(&text, "NAME=VALUE; nothing is taken from the device's own environment")
            })
        };
        let pairs: BTreeMap<_, _> = match form {
            PairsForm::Map(map) => map.into_iter().map(|(name, value)| (name, value.0)).collect(),
            PairsForm::List(list) => list.into_iter().map(pair).collect::<Result<_, _>>()?,
        };
        match pairs.keys().find(|name| !is_variable(name)) {
            Some(name) => Err(malformed(name, "a name of letters, digits and _ . - /")),
            None => Ok(Self(pairs)),
        }
    }
}

/// Whether a variable of the environment or a label can have this name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-/".contains(letter))
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
