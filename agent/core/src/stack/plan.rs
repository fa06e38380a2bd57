//! From the units that are wanted and what is on the device to the steps between the two. After the steps were taken, the next plan
//! is empty. Taking them is left to the agent.

use std::collections::BTreeMap;

use super::quadlet::{File, NETWORK, unit_of};
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
}

/// A step. Each can be taken twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Stop a unit, and what needs it.
    Stop(String),
    /// Remove a file.
    Remove(String),
    /// Write a file.
    Write(File),
    /// Let systemd read the files.
    Reload,
    /// Start a unit, and what it needs.
    Start(String),
}

/// Plans. Whatever changed is stopped before its file changes: a unit knows how to stop what it started.
#[must_use]
pub fn plan(wanted: &[File], seen: &Seen) -> Vec<Step> {
    let same = |file: &&File| seen.files.get(&file.name) == Some(&file.text);
    let changed: Vec<&File> = wanted.iter().filter(|file| !same(file)).collect();
    let is_wanted = |name: &str| wanted.iter().any(|file| file.name == name);
    let gone: Vec<&str> = seen.files.keys().map(String::as_str).filter(|name| !is_wanted(name)).collect();
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
    let services = wanted.iter().filter(|file| is_container(&file.name));
    for unit in services.filter_map(|file| unit_of(&file.name)) {
        // What failed and was not changed would fail again: that is told, and not tried for ever.
        let rests = matches!(seen.units.get(&unit), None | Some(Unit::Inactive));
        if rests || stopped.contains(&unit) {
            steps.push(Step::Start(unit));
        }
    }
    steps
}

/// The services that a plan touches, for people.
#[must_use]
pub fn changes(steps: &[Step]) -> Vec<ServiceChange> {
    let service = |unit: &String| unit.strip_prefix("stack-")?.strip_suffix(".service").map(str::to_owned);
    let mut touched: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Stop(unit) if !unit.ends_with(NETWORK) => {
                service(unit).into_iter().for_each(|name| touched.entry(name).or_default().0 = true);
            }
            Step::Start(unit) => {
                service(unit).into_iter().for_each(|name| touched.entry(name).or_default().1 = true);
            }
            _ => {}
        }
    }
    let kind = |(stops, starts)| match (stops, starts) {
        (true, true) => ChangeKind::Replace,
        (true, false) => ChangeKind::Stop,
        (false, _) => ChangeKind::Start,
    };
    touched.into_iter().map(|(service, what)| ServiceChange { service, change: kind(what) }).collect()
}

fn is_container(file: &str) -> bool {
    file.ends_with(".container")
}

/// The units of `touched` files, and the containers in networks among them: containers first, so that they leave their networks.
fn stopped(touched: &[&str], seen: &Seen) -> Vec<String> {
    let is_in = |text: &str| {
        let mut networks = touched.iter().filter(|name| !is_container(name));
        networks.any(|name| text.lines().any(|line| line.strip_prefix("Network=") == Some(name)))
    };
    let touches = |(name, text): &(&String, &String)| touched.contains(&name.as_str()) || is_in(text);
    let containers = seen.files.iter().filter(|(name, _)| is_container(name)).filter(touches);
    let new = touched.iter().filter(|name| is_container(name) && !seen.files.contains_key(**name));
    let networks = touched.iter().filter(|name| !is_container(name));
    let names = containers.map(|(name, _)| name.as_str()).chain(new.copied()).chain(networks.copied());
    names.filter_map(unit_of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the device is after a step, if systemd does what it is told.
    fn take(mut seen: Seen, step: &Step) -> Seen {
        match step {
            Step::Stop(unit) => {
                seen.units.insert(unit.clone(), Unit::Inactive);
            }
            Step::Remove(name) => {
                seen.files.remove(name);
                seen.stale = true;
            }
            Step::Write(file) => {
                seen.files.insert(file.name.clone(), file.text.clone());
                seen.stale = true;
            }
            Step::Reload => {
                seen.stale = false;
                let there = |unit: &String| {
                    seen.files.keys().filter_map(|name| unit_of(name)).any(|one| one == *unit)
                };
                let gone: Vec<String> = seen.units.keys().filter(|unit| !there(unit)).cloned().collect();
                for unit in gone {
                    seen.units.remove(&unit);
                }
            }
            Step::Start(unit) => {
                assert!(!seen.stale, "{unit} is started as it was before");
                seen.units.insert(unit.clone(), Unit::Active);
            }
        }
        seen
    }

    fn file(name: &str, text: &str) -> File {
        File { name: name.to_owned(), text: text.to_owned() }
    }

    fn words(steps: &[Step]) -> Vec<String> {
        changes(steps).iter().map(|one| format!("{} {:?}", one.service, one.change)).collect()
    }

    #[test]
    fn only_what_changed_is_touched() {
        let wanted =
            [file("stack-a.container", "1"), file("stack-b.container", "1"), file("stack-n.network", "1")];
        let first = plan(&wanted, &Seen::default());
        assert_eq!(first.len(), 6, "three files, a reload, two services: {first:?}");
        let seen = first.iter().fold(Seen::default(), take);
        assert_eq!(plan(&wanted, &seen), []);
        assert_eq!(words(&first), ["a Start", "b Start"]);
        let changed = [file("stack-a.container", "2"), file("stack-n.network", "1")];
        let start = |unit: &str| Step::Start(unit.to_owned());
        let stop = |unit: &str| Step::Stop(unit.to_owned());
        assert_eq!(words(&plan(&changed, &seen)), ["a Replace", "b Stop"]);
        assert_eq!(
            plan(&changed, &seen),
            [
                stop("stack-a.service"),
                stop("stack-b.service"),
                Step::Remove("stack-b.container".to_owned()),
                Step::Write(changed[0].clone()),
                Step::Reload,
                start("stack-a.service"),
            ]
        );
    }

    #[test]
    fn a_network_is_not_changed_under_a_container() {
        let container = file("stack-a.container", "[Container]\nNetwork=stack-n.network\n");
        let seen = plan(&[container.clone(), file("stack-n.network", "1")], &Seen::default())
            .iter()
            .fold(Seen::default(), take);
        let steps = plan(&[container, file("stack-n.network", "2")], &seen);
        assert_eq!(steps[0], Step::Stop("stack-a.service".to_owned()));
        assert_eq!(steps.last(), Some(&Step::Start("stack-a.service".to_owned())));
    }

    #[test]
    fn what_failed_is_left_until_it_changes() {
        let wanted = [file("stack-a.container", "1")];
        let mut seen = plan(&wanted, &Seen::default()).iter().fold(Seen::default(), take);
        seen.units.insert("stack-a.service".to_owned(), Unit::Failed);
        assert_eq!(plan(&wanted, &seen), []);
        assert!(
            plan(&[file("stack-a.container", "2")], &seen)
                .contains(&Step::Start("stack-a.service".to_owned()))
        );
    }

    fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map("stack-[a-d]\\.(container|network)", "[12]", 0..6)
    }

    fn unit() -> impl Strategy<Value = Unit> {
        prop_oneof![Just(Unit::Active), Just(Unit::Starting), Just(Unit::Inactive)]
    }

    proptest! {
        /// Interrupted after any step, what follows leads to the same end, and then nothing is left to do.
        #[test]
        fn any_start_leads_to_what_is_wanted(
            wanted in files(),
            there in files(),
            states in prop::collection::btree_map("stack-[a-d]\\.service", unit(), 0..4),
            cut in 0_usize..12,
        ) {
            let wanted: Vec<File> = wanted.iter().map(|(name, text)| file(name, text)).collect();
            let seen = Seen { files: there, units: states, stale: true };
            let half = plan(&wanted, &seen).iter().take(cut).fold(seen, take);
            let end = plan(&wanted, &half).iter().fold(half, take);
            prop_assert_eq!(plan(&wanted, &end), []);
            let files: Vec<File> = end.files.iter().map(|(name, text)| file(name, text)).collect();
            prop_assert_eq!(files, wanted);
        }
    }
}
