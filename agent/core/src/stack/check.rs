//! What a compose file must be beyond the types of [`super::compose`].

use serde_saphyr::Spanned;

use super::compose::{Condition, GATEWAY, PORTS, Restart, Rollout, Service, Stack};
use super::side::Side;
use super::values::{Name, Route};
use super::{Refusal, quadlet};

/// Services at most.
const MOST_SERVICES: usize = 32;

impl Stack {
    /// What the types do not say.
    ///
    /// # Errors
    /// With the line and the reason, of the first thing that is wrong.
    pub(super) fn check(&self) -> Result<(), Refusal> {
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
        self.check_secrets()?;
        self.services.iter().try_for_each(|(name, service)| self.check_service(name, service))?;
        self.in_order().map(drop)
    }

    fn check_service(&self, name: &Name, service: &Spanned<Service>) -> Result<(), Refusal> {
        let one = &service.value;
        if quadlet::unit(name, Side::A).ends_with(quadlet::NETWORK) {
            return Err(Refusal::at(service, format!("{name} would have the name of a network's unit")));
        }
        image(&one.image)?;
        ports(name, one)?;
        if let Some(route) = &one.tayberry.route {
            self.check_route(name, one, route)?;
        }
        for mount in &one.volumes {
            let volume = &mount.value.volume;
            known(mount, "volume", volume, self.volumes.contains_key(volume))?;
        }
        if one.tayberry.rollout == Rollout::BlueGreen {
            runs_twice(name, service)?;
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
            if *condition == Condition::ServiceHealthy && !other.value.says_how_it_is() {
                let reason =
                    format!("{name} waits until {wanted} is healthy, but {wanted} has no healthcheck");
                return Err(Refusal::at(service, reason));
            }
        }
        Ok(())
    }

    /// A route leads from the gateway to a service that it reaches.
    fn check_route(&self, name: &Name, one: &Service, route: &Spanned<Route>) -> Result<(), Refusal> {
        let path = route.value.as_str();
        let refuse = |reason: String| Err(Refusal::at(route, reason));
        if path.split('/').nth(1) == Some("system") {
            return refuse(format!("{path} is the device's own: take another path"));
        }
        let mut others = self.services.iter().filter(|(other, _)| *other != name);
        let same = |(_, other): &(&Name, &Spanned<Service>)| {
            other.value.tayberry.route.as_ref().is_some_and(|other| other.value == route.value)
        };
        if let Some((other, _)) = others.find(same) {
            return refuse(format!("{name} and {other} have the same route {path}"));
        }
        let Some((_, gateway)) = self.gateway().filter(|(gateway, _)| *gateway != name) else {
            return refuse(format!("{path} leads nowhere: there is no other service `{GATEWAY}`"));
        };
        let meets = |network: &String| quadlet::networks_of(gateway).contains(network);
        if quadlet::networks_of(one).iter().any(meets) {
            return Ok(());
        }
        refuse(format!("{GATEWAY} and {name} are in no network together"))
    }

    /// The services, each after those that it waits for.
    ///
    /// # Errors
    /// When some wait for each other: they would never start.
    pub fn in_order(&self) -> Result<Vec<&Name>, Refusal> {
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
        Ok(done)
    }
}

/// A service that is replaced without a gap runs twice for a while.
fn runs_twice(name: &Name, service: &Spanned<Service>) -> Result<(), Refusal> {
    let one = &service.value;
    let written = one.volumes.iter().find(|mount| !mount.value.read_only);
    let why = if let Some(mount) = written {
        format!("both would write to the volume {}", mount.value.volume)
    } else if !one.ports.is_empty() {
        "only one can have the ports".to_owned()
    } else if one.restart == Restart::No {
        "it does something once".to_owned()
    } else {
        return Ok(());
    };
    let reason =
        format!("{name} cannot have `rollout: blue-green`, for which two of it run for a while: {why}");
    Err(Refusal::at(service, reason))
}

/// What a service names must be declared.
pub(super) fn known<T>(at: &Spanned<T>, what: &str, name: &Name, there: bool) -> Result<(), Refusal> {
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

/// Ports are the gateway's alone, and those that the device hands to it.
fn ports(name: &Name, one: &Service) -> Result<(), Refusal> {
    let Some(first) = one.ports.first() else { return Ok(()) };
    if name.to_string() != GATEWAY {
        let reason = format!(
            "only the service `{GATEWAY}` has ports; give {name} an `x-tayberry: {{ route: /PATH }}`"
        );
        return Err(Refusal::at(first, reason));
    }
    match one.ports.iter().find(|port| !PORTS.contains(&port.value.host)) {
        Some(other) => Err(Refusal::at(
            other,
            format!("port {} is not the gateway's: it has 80 and 443", other.value.host),
        )),
        None => Ok(()),
    }
}
