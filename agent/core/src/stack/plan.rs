//! From the units that are wanted and what is on the device to the steps between the two. After the steps were taken, the next plan
//! is empty. Taking them is left to the agent.
//!
//! A service that is replaced without a gap, and runs, is rolled: its new version starts on the other [side](super::side), and the old one
//! ends once the requests go there. Another that runs is renewed in its place, one after the other, so that each is away for its own time
//! alone. What is left, as whatever is in a network that changes, is stopped and started together.

use std::collections::{BTreeMap, BTreeSet};

use super::quadlet::{File, HOLDS, NETWORK, Twin, Wanted, alias, unit_of};
use super::side::{Side, service_of};
use crate::request::stack::{ChangeKind, ServiceChange};

/// What a unit is (systemd's `ActiveState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// It runs, or has done its work.
    Active,
    /// It is starting, or waits to be started again.
    Starting,
    /// It was stopped, or never started.
    Inactive,
    /// It failed, and nobody starts it again.
    Failed,
}

/// What is on the device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The files of [`super::quadlet::FOLDER`] that are ours.
    pub files: BTreeMap<String, String>,
    /// The services that systemd knows, by unit.
    pub units: BTreeMap<String, Unit>,
    /// Files were changed since systemd read them; true when that is not known.
    pub stale: bool,
    /// The services whose side B is asked.
    pub on_b: BTreeSet<String>,
}

/// What is to be done, in this order; nothing where all is as it is wanted. Each part can be done twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// These units hold their requests until all starts have ended: something that they depend on is stopped and started.
    pub held: Vec<String>,
    /// First these, one after the other.
    pub steps: Vec<Step>,
    /// Then these services are replaced in their place, one after the other.
    pub renewals: Vec<Renewal>,
    /// Then these units are started, all at once, and what they need.
    pub starts: Vec<String>,
    /// Then these services are replaced without a gap, one after the other.
    pub rolls: Vec<Roll>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Stop a unit. What needs it goes on, and waits for it.
    Stop(String),
    /// Remove a file.
    Remove(String),
    /// Write a file.
    Write(File),
    /// Let systemd read the files.
    Reload,
    /// Ask a side of a service from now on.
    Ask(String, Side),
}

/// A service is replaced in its place: its unit is stopped, this file is written, systemd reads it, and the unit is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The unit.
    pub unit: String,
    /// What it is from now on.
    pub file: File,
    /// These units hold their requests meanwhile.
    pub held: Vec<String>,
}

impl Renewal {
    /// What is done before the unit is started.
    #[must_use]
    pub fn steps(&self) -> [Step; 3] {
        [Step::Stop(self.unit.clone()), Step::Write(self.file.clone()), Step::Reload]
    }
}

/// A service is replaced without a gap: the new file is written and its unit started; once that is ready, its side is asked; the old unit
/// ends when it has answered, and its file is removed. If the new one does not become ready, it is stopped and removed, and that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// The service.
    pub service: String,
    /// Where the new one starts.
    pub side: Side,
    /// The new one.
    pub new: File,
    /// File of the old one.
    pub old: String,
    /// It has a check, which must be passed.
    pub has_check: bool,
}

/// What a wanted unit is to become.
enum Choice<'a> {
    /// This file, and not that of another side.
    Here(&'a File),
    /// This file in the place of the one before, which runs.
    Renewed(&'a File),
    /// The old file for now, until it was rolled.
    Rolled(Roll),
}

/// Plans. Whatever changed and is not rolled is stopped before its file changes: a unit knows how to stop what it started.
#[must_use]
pub fn plan(wanted: &[Wanted], seen: &Seen) -> Plan {
    let networks = moved_networks(wanted, seen);
    let choose = |one| choose(one, seen, &networks).renewed_if_it_runs(seen, &networks);
    let choices: Vec<Choice<'_>> = wanted.iter().map(choose).collect();
    let here = || choices.iter().filter_map(Choice::here);
    let stays = |name: &str| choices.iter().any(|choice| choice.stays(name));
    let changed: Vec<&File> = here().filter(|file| seen.files.get(&file.name) != Some(&file.text)).collect();
    let gone: Vec<&str> = seen.files.keys().map(String::as_str).filter(|name| !stays(name)).collect();
    let touched: Vec<&str> =
        gone.iter().copied().chain(changed.iter().map(|file| file.name.as_str())).collect();

    let stopped = stopped(&touched, seen);
    let runs = |unit: &&String| seen.units.get(*unit).is_some_and(|state| *state != Unit::Inactive);
    let mut steps: Vec<Step> = stopped.iter().filter(runs).cloned().map(Step::Stop).collect();
    steps.extend(gone.iter().map(|name| Step::Remove((*name).to_owned())));
    steps.extend(changed.iter().map(|file| Step::Write((*file).clone())));
    if seen.stale || !touched.is_empty() {
        steps.push(Step::Reload);
    }
    steps.extend(asked(wanted, &choices, seen));
    let mut starts = Vec::new();
    for unit in here().filter(|file| is_container(&file.name)).filter_map(|file| unit_of(&file.name)) {
        // What failed and was not changed would fail again: that is told, and not tried for ever.
        let rests = matches!(seen.units.get(&unit), None | Some(Unit::Inactive));
        if rests || stopped.contains(&unit) {
            starts.push(unit);
        }
    }
    let held = held(seen, &stopped, &starts);
    let (mut renewals, mut rolls) = (Vec::new(), Vec::new());
    for choice in choices {
        match choice {
            Choice::Renewed(file) => renewals.extend(renewal(file, seen, &stopped, &held)),
            Choice::Rolled(roll) => rolls.push(roll),
            Choice::Here(_) => {}
        }
    }
    Plan { held, steps, renewals, starts, rolls }
}

/// Whoever is stopped or held already is not held once more.
fn renewal(file: &File, seen: &Seen, stopped: &[String], already: &[String]) -> Option<Renewal> {
    let unit = unit_of(&file.name)?;
    let mut held = held(seen, std::slice::from_ref(&unit), std::slice::from_ref(&unit));
    held.retain(|unit| !stopped.contains(unit) && !already.contains(unit));
    Some(Renewal { unit, file: file.clone(), held })
}

impl<'a> Choice<'a> {
    const fn here(&self) -> Option<&'a File> {
        match self {
            Self::Here(file) => Some(file),
            Self::Renewed(_) | Self::Rolled(_) => None,
        }
    }

    /// One that runs and changes is renewed, unless a network of it changes, too, and takes all its containers with it.
    fn renewed_if_it_runs(self, seen: &Seen, networks: &BTreeSet<&str>) -> Self {
        let Self::Here(file) = self else { return self };
        let stays = |text: &str| !is_in_one(text, networks);
        match seen.files.get(&file.name) {
            Some(old)
                if is_container(&file.name)
                    && *old != file.text
                    && runs(file, seen)
                    && stays(old)
                    && stays(&file.text) =>
            {
                Self::Renewed(file)
            }
            _ => self,
        }
    }

    /// Whether a file of this name is not to be removed now. What a roll left that was cut off goes: nobody asks it, and the roll begins anew.
    fn stays(&self, name: &str) -> bool {
        match self {
            Self::Here(file) | Self::Renewed(file) => file.name == name,
            Self::Rolled(roll) => roll.old == name,
        }
    }
}

fn choose<'a>(one: &'a Wanted, seen: &Seen, networks: &BTreeSet<&str>) -> Choice<'a> {
    let Some(twin) = &one.twin else { return Choice::Here(&one.file) };
    let side = asked_side(twin, seen);
    let (live, other) = match side {
        Side::A => (&one.file, &twin.file),
        Side::B => (&twin.file, &one.file),
    };
    match seen.files.get(&live.name) {
        Some(text) if *text == live.text => Choice::Here(live),
        // A network that changes takes its containers with it. One that was declared with one side has no name of its own side, by which the
        // gateway asks from now on.
        Some(text)
            if runs(live, seen)
                && text.lines().any(|line| line == alias(side, &twin.service))
                && !is_in_one(text, networks) =>
        {
            let service = twin.service.to_string();
            let (new, old, has_check) = (other.clone(), live.name.clone(), twin.has_check);
            Choice::Rolled(Roll { service, side: side.other(), new, old, has_check })
        }
        _ if seen.files.get(&other.name) == Some(&other.text) => Choice::Here(other),
        _ => Choice::Here(&one.file),
    }
}

/// The units that run on, can hold requests, and come after one of those that are stopped and started.
fn held(seen: &Seen, stopped: &[String], starts: &[String]) -> Vec<String> {
    let comes_back =
        |unit: &str| stopped.iter().any(|one| one == unit) && starts.iter().any(|one| one == unit);
    let waits = |text: &str| text.lines().filter_map(|line| line.strip_prefix("After=")).any(comes_back);
    let those = who_hold(seen).filter(|(unit, text)| waits(text) && !stopped.contains(unit));
    those.map(|(unit, _)| unit).collect()
}

/// The units that run and can hold requests.
#[must_use]
pub fn holders(seen: &Seen) -> Vec<String> {
    who_hold(seen).map(|(unit, _)| unit).collect()
}

/// The same, with their files.
fn who_hold(seen: &Seen) -> impl Iterator<Item = (String, &str)> {
    let files = seen.files.iter().filter(|(_, text)| text.lines().any(|line| line == HOLDS));
    let units = files.filter_map(|(name, text)| Some((unit_of(name)?, text.as_str())));
    units.filter(|(unit, _)| seen.units.get(unit) == Some(&Unit::Active))
}

fn asked_side(twin: &Twin, seen: &Seen) -> Side {
    if seen.on_b.contains(&twin.service.to_string()) { Side::B } else { Side::A }
}

/// Where another side is asked than the one that is there from now on.
fn asked(wanted: &[Wanted], choices: &[Choice<'_>], seen: &Seen) -> Vec<Step> {
    let mut on_b: BTreeSet<String> = BTreeSet::new();
    for (one, choice) in wanted.iter().zip(choices) {
        let Some(twin) = &one.twin else { continue };
        let is_on_b = match choice {
            Choice::Here(file) | Choice::Renewed(file) => **file == twin.file,
            Choice::Rolled(..) => asked_side(twin, seen) == Side::B,
        };
        if is_on_b {
            on_b.insert(twin.service.to_string());
        }
    }
    let to = |side, services: BTreeSet<&String>| {
        services.into_iter().map(move |service| Step::Ask(service.clone(), side)).collect::<Vec<_>>()
    };
    let mut steps = to(Side::A, seen.on_b.difference(&on_b).collect());
    steps.extend(to(Side::B, on_b.difference(&seen.on_b).collect()));
    steps
}

/// The services that a plan touches, for people.
#[must_use]
pub fn changes(plan: &Plan) -> Vec<ServiceChange> {
    let stops = plan.steps.iter().filter_map(|step| match step {
        Step::Stop(unit) if !unit.ends_with(NETWORK) => service_of(unit),
        _ => None,
    });
    let mut touched: BTreeMap<&str, ChangeKind> = stops.map(|name| (name, ChangeKind::Stop)).collect();
    for name in plan.starts.iter().filter_map(|unit| service_of(unit)) {
        let kind = touched.entry(name).or_insert(ChangeKind::Start);
        if *kind == ChangeKind::Stop {
            *kind = ChangeKind::Replace;
        }
    }
    let renewed = plan.renewals.iter().filter_map(|renewal| service_of(&renewal.unit));
    touched.extend(renewed.map(|name| (name, ChangeKind::Replace)));
    touched.extend(plan.rolls.iter().map(|roll| (roll.service.as_str(), ChangeKind::Roll)));
    touched
        .into_iter()
        .map(|(service, change)| ServiceChange { service: service.to_owned(), change })
        .collect()
}

fn is_container(file: &str) -> bool {
    file.ends_with(".container")
}

/// Whether the container of this unit's text is in a network, by its file.
fn is_in(text: &str, network: &str) -> bool {
    text.lines().any(|line| line.strip_prefix("Network=") == Some(network))
}

fn is_in_one(text: &str, networks: &BTreeSet<&str>) -> bool {
    networks.iter().any(|network| is_in(text, network))
}

/// Whether the unit of this file runs.
fn runs(file: &File, seen: &Seen) -> bool {
    unit_of(&file.name).is_some_and(|unit| seen.units.get(&unit) == Some(&Unit::Active))
}

/// The networks that come, change or go.
fn moved_networks<'a>(wanted: &'a [Wanted], seen: &'a Seen) -> BTreeSet<&'a str> {
    let wanted: BTreeMap<&str, &str> =
        wanted.iter().map(|one| (one.file.name.as_str(), one.file.text.as_str())).collect();
    let there: BTreeMap<&str, &str> =
        seen.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let names = wanted.keys().chain(there.keys()).copied();
    names.filter(|name| !is_container(name) && wanted.get(name) != there.get(name)).collect()
}

/// The units of `touched` files, and the containers in networks among them: containers first, so that they leave their networks.
fn stopped(touched: &[&str], seen: &Seen) -> Vec<String> {
    let in_one = |text: &str| {
        let mut networks = touched.iter().filter(|name| !is_container(name));
        networks.any(|name| is_in(text, name))
    };
    let touches = |(name, text): &(&String, &String)| touched.contains(&name.as_str()) || in_one(text);
    let containers = seen.files.iter().filter(|(name, _)| is_container(name)).filter(touches);
    let new = touched.iter().filter(|name| is_container(name) && !seen.files.contains_key(**name));
    let networks = touched.iter().filter(|name| !is_container(name));
    let names = containers.map(|(name, _)| name.as_str()).chain(new.copied()).chain(networks.copied());
    names.filter_map(unit_of).collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
