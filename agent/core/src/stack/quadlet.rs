//! Units from a stack, as Podman's generator reads them (podman-systemd.unit(5), Podman 5.4). Whatever a container could do without
//! is taken from it. Writing the files and starting the units is left to the agent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::compose::{Capability, Condition, HealthCheck, Ready, Restart, Service, Stack};
use super::gateway;
use super::images::{self, Image};
use super::quoting::{Dollars, escaped, quoted};
use super::secret::Kept;
use super::side::Side;
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
/// The label of a container that holds its requests while it is told to.
pub(super) const HOLDS: &str = "Label=io.tayberry.hold=yes";
/// Label with the numbers of the secrets that a container was started with.
const SECRETS: &str = "io.tayberry.secrets";
/// Label with [`System::switches`].
const SWITCHES: &str = "io.tayberry.switches";
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

/// A unit that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its file; of a service that is replaced without a gap, the one of side A.
    pub file: File,
    /// The same on side B.
    pub twin: Option<Twin>,
}

/// The other side of a service that is replaced without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The service.
    pub service: Name,
    /// Its file.
    pub file: File,
    /// It has a check.
    pub has_check: bool,
}

impl From<File> for Wanted {
    fn from(file: File) -> Self {
        Self { file, twin: None }
    }
}

/// End of the name of a network's unit.
pub(super) const NETWORK: &str = "-network.service";

/// The unit of a service on one side.
#[must_use]
pub fn unit(service: &Name, side: Side) -> String {
    format!("{}.service", side.stem(service))
}

/// The line that gives a container its name on one side.
pub(super) fn alias(side: Side, service: &Name) -> String {
    format!("NetworkAlias={}", side.host(service))
}

/// The unit that Podman's generator makes of a file.
#[must_use]
pub fn unit_of(file: &str) -> Option<String> {
    let service = file.strip_suffix(".container").map(|stem| format!("{stem}.service"));
    let network = || file.strip_suffix(".network").map(|stem| format!("{stem}{NETWORK}"));
    service.or_else(network)
}

/// What the system that runs gives to the units.
#[derive(Debug, Clone, Copy, Default)]
pub struct System<'a> {
    /// Its images.
    pub images: &'a [Image],
    /// How often user space was replaced live since the kernel started: what another system started is replaced, so that nothing of
    /// that one is needed any more.
    pub switches: u32,
}

/// Renders all units, each after those that it waits for. `users` is the first number of each service's users on the device; it never changes while a service keeps data.
/// A unit changes with the secrets that its service has of `kept`, and with the system.
#[must_use]
pub fn render(stack: &Stack, users: &BTreeMap<Name, u32>, kept: &Kept, system: System<'_>) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = networks(stack).map(|name| network(&name).into()).collect();
    // A stack that was read has an order.
    for name in stack.in_order().unwrap_or_default() {
        let Some(service) = stack.services.get(name).map(|service| &service.value) else { continue };
        let first = users.get(name).copied().unwrap_or_default();
        let on = |side| container(stack, (name, side), (service, first), kept, system);
        let twin = service.has_sides().then(|| Twin {
            service: name.clone(),
            file: on(Side::B),
            has_check: service.healthcheck.is_some(),
        });
        wanted.push(Wanted { file: on(Side::A), twin });
    }
    wanted
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
    let mut unit = Unit(format!("{HEAD}[Unit]\n"));
    outlasts_a_switch(&mut unit);
    unit.section("Network");
    unit.set("NetworkName", format!("stack-{name}"));
    unit.set("Internal", true);
    unit.section("Quadlet");
    unit.set("DefaultDependencies", false);
    File { name: format!("stack-{name}.network"), text: unit.0 }
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
    (name, side): (&Name, Side),
    (service, first): (&Service, u32),
    kept: &Kept,
    system: System<'_>,
) -> File {
    let mut unit = Unit(HEAD.to_owned());
    waits(&mut unit, stack, name, service);

    unit.section("Container");
    unit.set("ContainerName", side.stem(name));
    unit.set("HostName", name);
    unit.set("Image", image_of(service, system.images));
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
    if service.has_sides() {
        unit.line(&alias(side, name));
    }
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
    labels(&mut unit, service, kept);
    if system.switches > 0 {
        unit.set("Label", format!("{SWITCHES}={}", system.switches));
    }

    unit.section("Service");
    if !service.ports.is_empty() {
        holds_the_ports(&mut unit, &side.stem(name));
    }
    resources(&mut unit, service);
    let completes =
        |other: &Service| other.depends_on.0.get(name) == Some(&Condition::ServiceCompletedSuccessfully);
    restarts(&mut unit, service.restart, stack.services.values().any(|other| completes(&other.value)));

    unit.section("Quadlet");
    // Not after the network: a device without one has a stack, too.
    unit.set("DefaultDependencies", false);
    File { name: format!("{}.container", side.stem(name)), text: unit.0 }
}

fn labels(unit: &mut Unit, service: &Service, kept: &Kept) {
    unit.pairs("Label", &service.labels);
    if service.tayberry.hold {
        unit.line(HOLDS);
    }
    if let Some(mark) = kept.mark(service) {
        unit.set("Label", format!("{SECRETS}={mark}"));
    }
}

/// What a service waits for.
fn waits(unit: &mut Unit, stack: &Stack, name: &Name, service: &Service) {
    unit.line("[Unit]");
    unit.set("Description", format!("{name} of the stack"));
    for (other, condition) in &service.depends_on.0 {
        let has_sides = stack.services.get(other).is_some_and(|other| other.value.has_sides());
        // What has done its work stays up as far as systemd is concerned. One with two sides has one that is gone, which nobody requires.
        let is_required = *condition != Condition::ServiceStarted && !has_sides;
        unit.set(if is_required { "Requires" } else { "Wants" }, self::unit(other, Side::A));
        unit.set("After", self::unit(other, Side::A));
    }
    // A service that fails is tried again for ever, ever more slowly.
    unit.set("StartLimitIntervalSec", 0);
    outlasts_a_switch(unit);
    unit.set("SurviveFinalKillSignal", true);
}

/// What a unit says that goes on while user space is replaced, and ends when the device does (systemd-soft-reboot.service(8)).
fn outlasts_a_switch(unit: &mut Unit) {
    unit.set("DefaultDependencies", false);
    unit.set("IgnoreOnIsolate", true);
    unit.set("After", "basic.target");
    unit.set("Conflicts", "reboot.target kexec.target poweroff.target halt.target");
    unit.set("Before", "shutdown.target");
}

/// What the gateway's unit says beside what all say.
fn holds_the_ports(unit: &mut Unit, container: &str) {
    // Open whether the gateway runs or not: who comes while it is replaced waits, and is not refused.
    unit.set("Sockets", gateway::SOCKET);
    // The front holds them, too: without this systemd would let it block in accept(2) at each start of the gateway.
    unit.set("NonBlocking", true);
    unit.set("ExecReload", format!("/usr/bin/podman kill --signal USR1 {container}"));
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

#[cfg(test)]
#[path = "quadlet_tests.rs"]
mod tests;
