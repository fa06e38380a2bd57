//! The compose file: the part of the Compose Specification that is understood, and what is refused with its line. What is allowed
//! and yet unwise is said by [`super::doctor`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::values::{Bytes, Command, ContainerPath, Cpus, Mount, Name, Pairs, Port, Span};
use super::{Refusal, quadlet};

/// Longest file, in bytes.
pub const MOST_BYTES: usize = 32 << 10;
/// Services at most.
const MOST_SERVICES: usize = 32;
/// Memory at most of a service that says nothing, in bytes.
pub const MEMORY: u64 = 256 << 20;
/// The one service whose ports are the device's.
pub const GATEWAY: &str = "gateway";

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

/// A secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// It does not come from the file: the device makes it.
    #[serde(default)]
    pub external: Option<bool>,
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
    /// Environment.
    #[serde(default)]
    pub environment: Pairs,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Extra {
    /// How it is replaced.
    #[serde(default)]
    pub rollout: Rollout,
    /// In which format it keeps its data: another one is never started on them.
    #[serde(default)]
    pub data_format: Option<String>,
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
    /// Reads a file.
    ///
    /// # Errors
    /// With the line and the reason, of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MOST_BYTES {
            return Err(Refusal::whole(format!("it is longer than {} KiB", MOST_BYTES >> 10)));
        }
        let stack: Self = serde_saphyr::from_str(text)?;
        stack.check()?;
        Ok(stack)
    }

    /// What the types do not say.
    fn check(&self) -> Result<(), Refusal> {
        if self.services.is_empty() {
            return Err(Refusal::whole("it has no services"));
        }
        if self.services.len() > MOST_SERVICES {
            return Err(Refusal::whole(format!("it has more than {MOST_SERVICES} services")));
        }
        for (name, network) in self.networks.iter().filter_map(|(name, one)| Some((name, one.as_ref()?))) {
            if network.value.internal == Some(false) {
                let reason = format!(
                    "network {name} cannot be open: services reach each other, and the gateway the world"
                );
                return Err(Refusal::at(network, reason));
            }
        }
        for (name, secret) in self.secrets.iter().filter_map(|(name, one)| Some((name, one.as_ref()?))) {
            if secret.value.external != Some(true) {
                let reason = format!("secret {name} is made on the device: say `external: true`");
                return Err(Refusal::at(secret, reason));
            }
        }
        self.services.iter().try_for_each(|(name, service)| self.check_service(name, service))?;
        self.check_order()
    }

    fn check_service(&self, name: &Name, service: &Spanned<Service>) -> Result<(), Refusal> {
        let one = &service.value;
        if quadlet::unit(name).ends_with(quadlet::NETWORK) {
            return Err(Refusal::at(service, format!("{name} would have the name of a network's unit")));
        }
        image(&one.image)?;
        if let Some(port) = one.ports.first().filter(|_| name.to_string() != GATEWAY) {
            let reason = format!("only the service `{GATEWAY}` has ports; give {name} a route there");
            return Err(Refusal::at(port, reason));
        }
        for mount in &one.volumes {
            let volume = &mount.value.volume;
            known(mount, "volume", volume, self.volumes.contains_key(volume))?;
        }
        for wanted in &one.secrets {
            known(wanted, "secret", &wanted.value, self.secrets.contains_key(&wanted.value))?;
        }
        for wanted in &one.networks {
            let there = self.networks.contains_key(&wanted.value) || wanted.value.to_string() == "default";
            known(wanted, "network", &wanted.value, there)?;
        }
        if let Some(check) = &one.healthcheck {
            let words = &check.value.test.0;
            let kind = words.first().map(String::as_str);
            if words.len() < 2 && matches!(kind, None | Some("CMD" | "CMD-SHELL" | "NONE")) {
                return Err(Refusal::at(
                    check,
                    "`test` says nothing to run; leave the check out if there is none",
                ));
            }
        }
        for (wanted, condition) in &one.depends_on.0 {
            let Some(other) = self.services.get(wanted) else {
                return Err(Refusal::at(service, format!("{name} depends on {wanted}, which is no service")));
            };
            if *condition == Condition::ServiceHealthy && other.value.healthcheck.is_none() {
                let reason =
                    format!("{name} waits until {wanted} is healthy, but {wanted} has no healthcheck");
                return Err(Refusal::at(service, reason));
            }
        }
        Ok(())
    }

    /// Services that wait for each other would never start.
    fn check_order(&self) -> Result<(), Refusal> {
        let mut done: Vec<&Name> = Vec::new();
        let mut left: Vec<&Name> = self.services.keys().collect();
        while !left.is_empty() {
            let ready = |name: &&Name| {
                let waits = self.services.get(*name).map(|one| &one.value.depends_on.0);
                waits.is_none_or(|waits| waits.keys().all(|other| done.contains(&other)))
            };
            let (now, later): (Vec<&Name>, Vec<&Name>) = left.iter().copied().partition(ready);
            if now.is_empty() {
                let names: Vec<String> = later.iter().map(ToString::to_string).collect();
                let at = later.first().and_then(|name| self.services.get(*name));
                let reason = format!("these wait for each other: {}", names.join(", "));
                return Err(at.map_or_else(|| Refusal::whole(&reason), |at| Refusal::at(at, &reason)));
            }
            done.extend(now);
            left = later;
        }
        Ok(())
    }
}

/// What a service names must be declared.
fn known<T>(at: &Spanned<T>, what: &str, name: &Name, there: bool) -> Result<(), Refusal> {
    if there { Ok(()) } else { Err(Refusal::at(at, format!("there is no {what} {name} under `{what}s:`"))) }
}

/// A reference to an image, as registries write it.
fn image(image: &Spanned<String>) -> Result<(), Refusal> {
    let text = &image.value;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "./:@_-".contains(letter);
    let named = text.split('/').next_back().unwrap_or_default();
    if text.is_empty() || text.len() > 255 || !text.chars().all(allowed) || named.is_empty() {
        return Err(Refusal::at(image, format!("{text:?} is not the name of an image")));
    }
    if !named.contains(':') && !named.contains('@') {
        let reason = format!("{text} names no version: write {text}:VERSION or {text}@sha256:…");
        return Err(Refusal::at(image, reason));
    }
    Ok(())
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
