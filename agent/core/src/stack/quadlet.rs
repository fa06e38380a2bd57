//! Units from a stack, as Podman's generator reads them (podman-systemd.unit(5), Podman 5.4). Whatever a container could do without
//! is taken from it. Writing the files and starting the units is left to the agent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::compose::{Capability, Condition, HealthCheck, Ready, Restart, Service, Stack};
use super::gateway;
use super::images::{self, Image};
use super::secret::Kept;
use super::values::{Name, Pairs};

/// Folder of the units on the device.
pub const FOLDER: &str = "/run/containers/systemd";
/// Folder of what services keep: `SERVICE/VOLUME` in it.
pub const DATA: &str = "/var/stack";
/// Folder of the device with the keys that sign tokens for services (RFC 7517).
pub const KEYS: &str = "/run/tayberry/public";
/// Registry name of the images that the system partition holds.
const OURS: &str = "localhost/";
/// Users and groups of a container: so many numbers of the device are its own.
pub const USERS: u32 = 65_536;
/// Label with the numbers of the secrets that a container was started with.
const SECRETS: &str = "io.tayberry.secrets";
/// How long a container may take to end before it is killed, in seconds.
const STOP_S: u32 = 25;
/// Processes at most.
const PROCESSES: u32 = 512;

/// A file of [`FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Name.
    pub name: String,
    /// Contents.
    pub text: String,
}

/// End of the name of a network's unit.
pub(super) const NETWORK: &str = "-network.service";

/// The unit of a service.
#[must_use]
pub fn unit(service: &Name) -> String {
    format!("stack-{service}.service")
}

/// The unit that Podman's generator makes of a file.
#[must_use]
pub fn unit_of(file: &str) -> Option<String> {
    let service = file.strip_suffix(".container").map(|stem| format!("{stem}.service"));
    let network = || file.strip_suffix(".network").map(|stem| format!("{stem}{NETWORK}"));
    service.or_else(network)
}

/// Renders all units. `users` is the first number of each service's users on the device; it never changes while a service keeps data.
/// A unit changes with the secrets that its service has of `kept`, and with the system's images.
#[must_use]
pub fn render(stack: &Stack, users: &BTreeMap<Name, u32>, kept: &Kept, system: &[Image]) -> Vec<File> {
    let mut files: Vec<File> = networks(stack).map(|name| network(&name)).collect();
    for (name, service) in &stack.services {
        let first = users.get(name).copied().unwrap_or_default();
        let image = image_of(&service.value, system);
        files.push(container(stack, name, (&service.value, first, image), kept));
    }
    files
}

/// The folders that services keep data in.
pub fn folders(stack: &Stack) -> impl Iterator<Item = String> {
    let of = |(name, service): (&Name, &Service)| -> Vec<String> {
        service.volumes.iter().map(|mount| format!("{DATA}/{name}/{}", mount.value.volume)).collect()
    };
    stack.services.iter().flat_map(move |(name, service)| of((name, &service.value)))
}

/// The networks that services are in.
fn networks(stack: &Stack) -> impl Iterator<Item = String> {
    let mut names: Vec<String> =
        stack.services.values().flat_map(|service| networks_of(&service.value)).collect();
    names.sort();
    names.dedup();
    names.into_iter()
}

/// The networks that a service is in.
pub(super) fn networks_of(service: &Service) -> Vec<String> {
    if service.networks.is_empty() {
        return vec!["default".to_owned()];
    }
    service.networks.iter().map(|name| name.value.to_string()).collect()
}

const HEAD: &str = "# Written by tayberryd from the stack; what is changed here is lost.\n";

fn network(name: &str) -> File {
    let text = format!(
        "{HEAD}[Network]\nNetworkName=stack-{name}\nInternal=true\n\n[Quadlet]\nDefaultDependencies=false\n"
    );
    File { name: format!("stack-{name}.network"), text }
}

/// A unit under construction.
struct Unit(String);

impl Unit {
    fn section(&mut self, name: &str) {
        self.line(&format!("\n[{name}]"));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn set(&mut self, key: &str, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        writeln!(self.0, "{key}={value}").unwrap_or_default();
    }

    fn pairs(&mut self, key: &str, pairs: &Pairs) {
        for (name, value) in &pairs.0 {
            self.set(key, quoted(&format!("{name}={value}"), Dollars::Literal));
        }
    }
}

/// The system's images by their numbers, which say what is in them: an archive could bring others by these names.
fn image_of<'a>(service: &'a Service, system: &'a [Image]) -> &'a str {
    let reference = &service.image.value;
    let image = system.iter().find(|image| images::is(image, reference));
    image.map_or(reference, |image| &image.id)
}

fn container(
    stack: &Stack,
    name: &Name,
    (service, first, image): (&Service, u32, &str),
    kept: &Kept,
) -> File {
    let mut unit = Unit(HEAD.to_owned());
    waits(&mut unit, name, service);

    unit.section("Container");
    unit.set("ContainerName", format!("stack-{name}"));
    unit.set("HostName", name);
    unit.set("Image", image);
    unit.set("Pull", if service.image.value.starts_with(OURS) { "never" } else { "missing" });
    if let Some(command) = &service.command {
        let words: Vec<String> = command.0.iter().map(|word| quoted(word, Dollars::Doubled)).collect();
        unit.set("Exec", words.join(" "));
    }
    unit.pairs("Environment", &service.environment);
    for secret in &service.secrets {
        unit.set("Secret", format!("stack-{},target={}", secret.value, secret.value));
    }
    for mount in &service.volumes {
        let end = if mount.value.read_only { "ro" } else { "rw,U" };
        let mount = &mount.value;
        unit.set("Volume", format!("{DATA}/{name}/{}:{}:{end}", mount.volume, mount.path));
    }
    let own = if !service.ports.is_empty() {
        Some(gateway::FOLDER)
    } else {
        service.tayberry.sign_in.then_some(KEYS)
    };
    if let Some(folder) = own {
        unit.set("Volume", format!("{folder}:{}:ro", gateway::INSIDE));
    }
    for network in networks_of(service) {
        unit.set("Network", format!("stack-{network}.network"));
    }
    unit.set("NetworkAlias", name);
    if let Some(check) = &service.healthcheck {
        health(&mut unit, &check.value);
    }
    if service.tayberry.ready == Ready::Notify {
        unit.set("Notify", true);
    } else if service.healthcheck.is_some() {
        // Whoever waits for this service waits until it is healthy.
        unit.set("Notify", "healthy");
    }
    confine(&mut unit, service, first);
    // systemd's own limit is a little later.
    unit.set("StopTimeout", STOP_S);
    unit.pairs("Label", &service.labels);
    if let Some(mark) = kept.mark(service) {
        unit.set("Label", format!("{SECRETS}={mark}"));
    }

    unit.section("Service");
    if !service.ports.is_empty() {
        holds_the_ports(&mut unit, name);
    }
    resources(&mut unit, service);
    let completes =
        |other: &Service| other.depends_on.0.get(name) == Some(&Condition::ServiceCompletedSuccessfully);
    restarts(&mut unit, service.restart, stack.services.values().any(|other| completes(&other.value)));

    unit.section("Quadlet");
    // Not after the network: a device without one has a stack, too.
    unit.set("DefaultDependencies", false);
    File { name: format!("stack-{name}.container"), text: unit.0 }
}

/// What a service waits for.
fn waits(unit: &mut Unit, name: &Name, service: &Service) {
    unit.line("[Unit]");
    unit.set("Description", format!("{name} of the stack"));
    for (other, condition) in &service.depends_on.0 {
        // What has done its work stays up as far as systemd is concerned.
        let key = if *condition == Condition::ServiceStarted { "Wants" } else { "Requires" };
        unit.set(key, self::unit(other));
        unit.set("After", self::unit(other));
    }
    // A service that fails is tried again for ever, ever more slowly.
    unit.set("StartLimitIntervalSec", 0);
}

/// What the gateway's unit says beside what all say.
fn holds_the_ports(unit: &mut Unit, name: &Name) {
    // Open whether the gateway runs or not: who comes while it is replaced waits, and is not refused.
    unit.set("Sockets", gateway::SOCKET);
    // The front holds them, too: without this systemd would let it block in accept(2) at each start of the gateway.
    unit.set("NonBlocking", true);
    unit.set("ExecReload", format!("/usr/bin/podman kill --signal USR1 stack-{name}"));
}

fn health(unit: &mut Unit, check: &HealthCheck) {
    let words = &check.test.0;
    let command = match words.split_first() {
        Some((kind, rest)) if kind == "CMD" => serde_json::to_string(rest).unwrap_or_default(),
        Some((kind, rest)) if kind == "CMD-SHELL" => rest.join(" "),
        _ => words.join(" "),
    };
    unit.set("HealthCmd", escaped(&command, Dollars::Doubled));
    let span = |span: Option<super::values::Span>, default: Duration| {
        format!("{}ms", span.map_or(default, |span| span.0).as_millis())
    };
    unit.set("HealthInterval", span(check.interval, Duration::from_secs(30)));
    unit.set("HealthTimeout", span(check.timeout, Duration::from_secs(30)));
    unit.set("HealthRetries", check.retries.unwrap_or(3));
    unit.set("HealthStartPeriod", span(check.start_period, Duration::ZERO));
    unit.set("HealthOnFailure", "kill");
}

/// What a container must not do.
fn confine(unit: &mut Unit, service: &Service, first: u32) {
    unit.set("UIDMap", format!("0:{first}:{USERS}"));
    unit.set("GIDMap", format!("0:{first}:{USERS}"));
    if let Some(user) = &service.user {
        unit.set("User", user.value);
    }
    unit.set("ReadOnly", service.read_only);
    unit.set("ReadOnlyTmpfs", false);
    for folder in &service.tmpfs {
        unit.set("Tmpfs", folder);
    }
    unit.set("NoNewPrivileges", true);
    unit.set("DropCapability", "all");
    for capability in &service.cap_add {
        unit.set("AddCapability", word(capability.value));
    }
    unit.set("PidsLimit", PROCESSES);
    unit.set("LogDriver", "journald");
}

const fn word(capability: Capability) -> &'static str {
    match capability {
        Capability::Chown => "CHOWN",
        Capability::DacOverride => "DAC_OVERRIDE",
        Capability::Fowner => "FOWNER",
        Capability::Kill => "KILL",
        Capability::NetBindService => "NET_BIND_SERVICE",
        Capability::Setgid => "SETGID",
        Capability::Setuid => "SETUID",
    }
}

fn resources(unit: &mut Unit, service: &Service) {
    unit.set("Slice", "services.slice");
    unit.set("MemoryMax", service.memory());
    unit.set("MemorySwapMax", 0);
    // A container that is killed for its memory is killed as a whole, and started again.
    unit.set("OOMPolicy", "kill");
    if let Some(cpus) = service.cpus {
        // No specifiers there, so the sign is not doubled (systemd.resource-control(5)).
        unit.set("CPUQuota", format!("{}.{}%", cpus.0 / 10, cpus.0 % 10));
    }
    unit.set("LogRateLimitIntervalSec", "30s");
    unit.set("LogRateLimitBurst", 2000);
}

fn restarts(unit: &mut Unit, restart: Restart, is_waited_for: bool) {
    match restart {
        Restart::No if is_waited_for => {
            unit.set("Type", "oneshot");
            unit.set("RemainAfterExit", true);
        }
        Restart::No => unit.set("Restart", "no"),
        Restart::Always => unit.set("Restart", "always"),
        Restart::OnFailure => unit.set("Restart", "on-failure"),
    }
    if restart != Restart::No {
        unit.set("RestartSec", "1s");
        unit.set("RestartSteps", 8);
        unit.set("RestartMaxDelaySec", "5min");
    }
    unit.set("TimeoutStartSec", "5min");
    unit.set("TimeoutStopSec", "30s");
}

/// Whether a dollar sign means a variable where the word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dollars {
    /// In a command line (systemd.service(5)).
    Doubled,
    /// Elsewhere.
    Literal,
}

/// A word as it must be written in a unit: in quotes (systemd.syntax(7)).
fn quoted(word: &str, dollars: Dollars) -> String {
    let mut text = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            control if control.is_control() => {
                let mut bytes = [0; 4];
                for byte in control.encode_utf8(&mut bytes).bytes() {
                    // Writing to a String cannot fail.
                    write!(text, "\\x{byte:02x}").unwrap_or_default();
                }
            }
            '%' => text.push_str("%%"),
            '$' if dollars == Dollars::Doubled => text.push_str("$$"),
            other => text.push(other),
        }
    }
    text + "\""
}

/// A value that is taken as it is, in one line.
fn escaped(text: &str, dollars: Dollars) -> String {
    let text = text.replace('%', "%%").replace(['\n', '\r'], " ");
    if dollars == Dollars::Doubled { text.replace('$', "$$") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stack::secret::Known;

    /// What is rendered of `good.yaml`, all in one. `TAYBERRY_GOLDEN=1` writes it anew.
    #[test]
    fn golden() {
        let stack = Stack::parse(include_str!("../../fixtures/stack/good.yaml")).unwrap();
        let users = stack.services.keys().cloned().zip((1..).map(|number| number * USERS)).collect();
        let known = |number: usize| Known { id: format!("{number:025x}"), value: String::new() };
        let kept = stack.secrets.keys().cloned().zip((1..).map(known)).collect();
        let redis = Image { id: "d1".repeat(32), names: vec!["localhost/tayberry/redis:8".into()] };
        let system = [redis];
        let all: String = render(&stack, &users, &Kept(kept), &system)
            .into_iter()
            .map(|file| format!("=== {}\n{}\n", file.name, file.text))
            .collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stack/good.units");
        if std::env::var_os("TAYBERRY_GOLDEN").is_some() {
            std::fs::write(path, &all).unwrap();
        }
        assert_eq!(all, std::fs::read_to_string(path).unwrap_or_default());
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_line(word in any::<String>()) {
            let text = quoted(&word, Dollars::Doubled);
            prop_assert!(!text.contains(|letter: char| letter.is_control()));
            let inside = &text[1..text.len() - 1];
            prop_assert!(!inside.replace("\\\\", "").replace("\\\"", "").contains('"'));
            prop_assert!(!escaped(&word, Dollars::Literal).contains(['\n', '\r']));
        }
    }
}
