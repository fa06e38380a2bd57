//! The compose file: the part of the Compose Specification that is understood, and what is refused with its line. What is allowed
//! and yet unwise is said by [`super::doctor`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Refusal;
use super::env_file::EnvFiles;
use super::secret::Secret;
use super::values::{Bytes, Command, ContainerPath, Cpus, Mount, Name, Pairs, Port, Route, Span};

/// Longest file, in bytes.
pub const MOST_BYTES: usize = 32 << 10;
/// Memory at most of a service that says nothing, in bytes.
pub const MEMORY: u64 = 256 << 20;
/// The one service whose ports are the device's.
pub const GATEWAY: &str = "gateway";
/// The ports that it can have.
pub const PORTS: [u16; 2] = [80, 443];

/// What a file says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// What it is called.
    #[serde(default)]
    pub name: Option<Spanned<Name>>,
    /// The services.
    pub services: BTreeMap<Name, Spanned<Service>>,
    /// Where services keep what outlives them.
    #[serde(default)]
    pub volumes: BTreeMap<Name, Option<Spanned<Nothing>>>,
    /// Which services reach each other.
    #[serde(default)]
    pub networks: BTreeMap<Name, Option<Spanned<Network>>>,
    /// Made on the device, and known to services alone.
    #[serde(default)]
    pub secrets: BTreeMap<Name, Option<Spanned<Secret>>>,
}

/// Nothing can be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// It leads nowhere else. The only kind there is, but for the gateway's.
    #[serde(default)]
    pub internal: Option<bool>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The image.
    pub image: Spanned<String>,
    /// Instead of what the image would run.
    #[serde(default)]
    pub command: Option<Command>,
    /// Environment. What its files say is behind it, once the stack is read.
    #[serde(default)]
    pub environment: Pairs,
    /// Files of environment, beside the compose file.
    #[serde(default)]
    pub env_file: Option<Spanned<EnvFiles>>,
    /// Secrets, as files in `/run/secrets`.
    #[serde(default)]
    pub secrets: Vec<Spanned<Name>>,
    /// Volumes.
    #[serde(default)]
    pub volumes: Vec<Spanned<Mount>>,
    /// Networks; `default` if none.
    #[serde(default)]
    pub networks: Vec<Spanned<Name>>,
    /// Ports of the device: the gateway's alone.
    #[serde(default)]
    pub ports: Vec<Spanned<Port>>,
    /// How it is told whether it works.
    #[serde(default)]
    pub healthcheck: Option<Spanned<HealthCheck>>,
    /// What has to be there before.
    #[serde(default)]
    pub depends_on: Dependencies,
    /// User in the container, by number; the image's own otherwise. On the device it is nobody's.
    #[serde(default)]
    pub user: Option<Spanned<u32>>,
    /// The root cannot be written to.
    #[serde(default = "yes")]
    pub read_only: bool,
    /// Capabilities that it keeps; all others are dropped.
    #[serde(default)]
    pub cap_add: Vec<Spanned<Capability>>,
    /// Folders in memory.
    #[serde(default)]
    pub tmpfs: Vec<ContainerPath>,
    /// Memory at most.
    #[serde(default)]
    pub mem_limit: Option<Spanned<Bytes>>,
    /// Processors at most.
    #[serde(default)]
    pub cpus: Option<Cpus>,
    /// When it is started again.
    #[serde(default)]
    pub restart: Restart,
    /// Labels of the container.
    #[serde(default)]
    pub labels: Pairs,
    /// What the specification has no word for.
    #[serde(default, rename = "x-tayberry")]
    pub tayberry: Extra,
}

impl Service {
    /// Whether it is known more of it than that it runs.
    #[must_use]
    pub fn says_how_it_is(&self) -> bool {
        self.healthcheck.is_some() || self.tayberry.ready == Ready::Notify
    }

    /// It is replaced without a gap. The gateway always is: both sides of it take connections while they change.
    #[must_use]
    pub fn has_sides(&self) -> bool {
        self.tayberry.rollout == Rollout::BlueGreen || !self.ports.is_empty()
    }

    /// Memory at most, in bytes, also of one that says nothing.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.mem_limit.as_ref().map_or(MEMORY, |limit| limit.value.0)
    }
}

const fn yes() -> bool {
    true
}

/// Ours.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Extra {
    /// How it is replaced.
    #[serde(default)]
    pub rollout: Rollout,
    /// In which format it keeps its data: one that names another is never started on them ([`super::record::Record::refuses`]).
    #[serde(default)]
    pub data_format: Option<Spanned<String>>,
    /// The requests that the gateway gives it: those whose path begins so, and for which no other service names more.
    #[serde(default)]
    pub route: Option<Spanned<Route>>,
    /// Where it listens for them.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is known that it can do its work, where no check is.
    #[serde(default)]
    pub ready: Ready,
    /// It takes SIGUSR1 as the word that something that it depends on is about to be replaced, has three seconds to answer what it
    /// was asked, and holds further requests until SIGUSR2.
    #[serde(default)]
    pub hold: bool,
    /// It gets the keys with which the device signs that its owner asks: `keys.json` in `/run/tayberry`.
    #[serde(default)]
    pub sign_in: bool,
    /// What makes its volumes fit to be copied. Kept for the backups of a later version; [`super::doctor`] says so.
    #[serde(default)]
    pub backup: Option<Spanned<Backup>>,
}

/// Commands in the service's container, each a program and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Before its volumes are copied.
    #[serde(default)]
    pub before: Vec<String>,
    /// After that.
    #[serde(default)]
    pub after: Vec<String>,
}

/// How it is known that a service can do its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// It runs.
    #[default]
    Started,
    /// It says so (sd_notify(3)).
    Notify,
}

/// How a service is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    /// The old one is stopped first.
    #[default]
    Restart,
    /// The new one is started beside it.
    BlueGreen,
}

/// When a service is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Whenever it ends.
    #[default]
    #[serde(alias = "unless-stopped")]
    Always,
    /// When it fails.
    OnFailure,
    /// Never: it does something once.
    No,
}

/// A capability that a container may keep (capabilities(7)): none that reaches beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "they are named as in capabilities(7)")]
pub enum Capability {
    Chown,
    DacOverride,
    Fowner,
    Kill,
    NetBindService,
    Setgid,
    Setuid,
}

/// How it is told whether a service works.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// `["CMD", …]`, `["CMD-SHELL", LINE]`, or a line for the container's shell.
    pub test: Command,
    /// How often.
    #[serde(default)]
    pub interval: Option<Span>,
    /// How long it may take.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// How often it may fail.
    #[serde(default)]
    pub retries: Option<u32>,
    /// How long failures do not count.
    #[serde(default)]
    pub start_period: Option<Span>,
}

/// What a service waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "DependenciesForm")]
pub struct Dependencies(pub BTreeMap<Name, Condition>);

#[derive(Deserialize)]
#[serde(untagged)]
enum DependenciesForm {
    List(Vec<Name>),
    Map(BTreeMap<Name, Dependency>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: Condition,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(clippy::enum_variant_names, reason = "the specification's words")]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It runs.
    ServiceStarted,
    /// It runs and its check is passed.
    ServiceHealthy,
    /// It has done what it does once.
    ServiceCompletedSuccessfully,
}

impl From<DependenciesForm> for Dependencies {
    fn from(form: DependenciesForm) -> Self {
        Self(match form {
            DependenciesForm::List(list) => {
                list.into_iter().map(|name| (name, Condition::ServiceStarted)).collect()
            }
            DependenciesForm::Map(map) => map.into_iter().map(|(name, one)| (name, one.condition)).collect(),
        })
    }
}

impl Stack {
    /// Reads a file that has no others beside it.
    ///
    /// # Errors
    /// As [`Self::parse_with`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse_with(text, &BTreeMap::new())
    }

    /// Reads a file and the files of environment beside it, by name.
    ///
    /// # Errors
    /// With the line and the reason, of the first thing that is wrong.
    pub fn parse_with(text: &str, env_files: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        if text.len() > MOST_BYTES {
            return Err(Refusal::whole(format!("it is longer than {} KiB", MOST_BYTES >> 10)));
        }
        let mut stack: Self = serde_saphyr::from_str(text)?;
        stack.take_env_files(env_files)?;
        stack.check()?;
        Ok(stack)
    }

    /// The service that is reached from outside.
    #[must_use]
    pub fn gateway(&self) -> Option<(&Name, &Service)> {
        let found = self.services.iter().find(|(name, _)| name.to_string() == GATEWAY);
        found.map(|(name, service)| (name, &service.value))
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
