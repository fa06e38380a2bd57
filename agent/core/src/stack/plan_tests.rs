//! Tests of [`super`]: every plan leads to what is wanted, also after it was cut off.

use proptest::prelude::*;

use super::*;
use crate::stack::values::Name;

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
            let there =
                |unit: &String| seen.files.keys().filter_map(|name| unit_of(name)).any(|one| one == *unit);
            let gone: Vec<String> = seen.units.keys().filter(|unit| !there(unit)).cloned().collect();
            for unit in gone {
                seen.units.remove(&unit);
            }
        }
        Step::Ask(service, Side::A) => {
            seen.on_b.remove(service);
        }
        Step::Ask(service, Side::B) => {
            seen.on_b.insert(service.clone());
        }
    }
    seen
}

fn start(mut seen: Seen, unit: &str) -> Seen {
    assert!(!seen.stale, "{unit} is started as it was before");
    seen.units.insert(unit.to_owned(), Unit::Active);
    seen
}

fn roll(seen: Seen, roll: &Roll) -> Seen {
    let old = unit_of(&roll.old).unwrap();
    assert_eq!(seen.units.get(&old), Some(&Unit::Active), "only what runs is rolled");
    assert!(!seen.files.contains_key(&roll.new.name), "its side is free");
    let before = [Step::Write(roll.new.clone()), Step::Reload];
    let seen = start(before.iter().fold(seen, take), &unit_of(&roll.new.name).unwrap());
    let after = [
        Step::Ask(roll.service.clone(), roll.side),
        Step::Stop(old),
        Step::Remove(roll.old.clone()),
        Step::Reload,
    ];
    after.iter().fold(seen, take)
}

/// What the device is after the first parts of a plan, `most` of them.
fn follow(plan: &Plan, seen: Seen, most: usize) -> Seen {
    let mut seen = plan.steps.iter().take(most).fold(seen, take);
    let mut most = most.saturating_sub(plan.steps.len());
    for renewal in &plan.renewals {
        let steps = renewal.steps();
        seen = steps.iter().take(most).fold(seen, take);
        if most > steps.len() {
            seen = start(seen, &renewal.unit);
        }
        most = most.saturating_sub(steps.len() + 1);
    }
    let seen = plan.starts.iter().take(most).fold(seen, |seen, unit| start(seen, unit));
    plan.rolls.iter().take(most.saturating_sub(plan.starts.len())).fold(seen, roll)
}

/// After all of a plan for a device.
fn done(wanted: &[Wanted], seen: Seen) -> Seen {
    follow(&plan(wanted, &seen), seen, usize::MAX)
}

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned() }
}

fn plain(files: &[File]) -> Vec<Wanted> {
    files.iter().cloned().map(Wanted::from).collect()
}

/// A service that is replaced without a gap.
fn two_sided(name: &str, text: &str) -> Wanted {
    let service: Name = name.parse().unwrap();
    let [a, b] = Side::ALL.map(|side| {
        file(&format!("{}.container", side.stem(&service)), &format!("{text}\n{}", alias(side, &service)))
    });
    Wanted { file: a, twin: Some(Twin { service, file: b, has_check: false }) }
}

fn words(steps: &Plan) -> Vec<String> {
    changes(steps).iter().map(|one| format!("{} {:?}", one.service, one.change)).collect()
}

#[test]
fn only_what_changed_is_touched() {
    let wanted = plain(&[
        file("stack-a.container", "1"),
        file("stack-b.container", "1"),
        file("stack-n.network", "1"),
    ]);
    let first = plan(&wanted, &Seen::default());
    assert_eq!(
        (first.steps.len(), first.starts.len()),
        (4, 2),
        "three files, a reload, two services: {first:?}"
    );
    let seen = done(&wanted, Seen::default());
    assert_eq!(plan(&wanted, &seen), Plan::default());
    assert_eq!(words(&first), ["a Start", "b Start"]);
    let changed = plain(&[file("stack-a.container", "2"), file("stack-n.network", "1")]);
    let stop = |unit: &str| Step::Stop(unit.to_owned());
    assert_eq!(words(&plan(&changed, &seen)), ["a Replace", "b Stop"]);
    let next = plan(&changed, &seen);
    assert_eq!(
        next.steps,
        [stop("stack-b.service"), Step::Remove("stack-b.container".to_owned()), Step::Reload]
    );
    let a = Renewal { unit: "stack-a.service".into(), file: changed[0].file.clone(), held: Vec::new() };
    assert_eq!((next.renewals, next.starts), (vec![a], Vec::new()));
}

#[test]
fn what_runs_is_renewed_one_after_the_other_and_each_is_waited_for_alone() {
    let versions = ["1", "2"].map(|text| {
        let api = format!("After=stack-db.service\nAfter=stack-cache.service\n{HOLDS}\n");
        plain(&[
            file("stack-db.container", text),
            file("stack-cache.container", text),
            file("stack-other.container", text),
            file("stack-api.container", &api),
        ])
    });
    let mut seen = done(&versions[0], Seen::default());
    let next = plan(&versions[1], &seen);
    assert!(next.steps.is_empty() && next.starts.is_empty() && next.held.is_empty(), "{next:?}");
    let renewed: Vec<(&str, usize)> =
        next.renewals.iter().map(|one| (one.unit.as_str(), one.held.len())).collect();
    assert_eq!(renewed, [("stack-db.service", 1), ("stack-cache.service", 1), ("stack-other.service", 0)]);
    // One that does not run is started with all that do not.
    seen.units.insert("stack-cache.service".into(), Unit::Failed);
    let next = plan(&versions[1], &seen);
    assert_eq!((next.renewals.len(), next.starts), (2, vec!["stack-cache.service".to_owned()]));
    assert_eq!(next.held, ["stack-api.service"]);
    assert!(next.renewals.iter().all(|one| one.held.is_empty()), "it is held already");
}

#[test]
fn a_network_is_not_changed_under_a_container() {
    let container = file("stack-a.container", "[Container]\nNetwork=stack-n.network\n");
    let seen = done(&plain(&[container.clone(), file("stack-n.network", "1")]), Seen::default());
    let next = plan(&plain(&[container, file("stack-n.network", "2")]), &seen);
    assert_eq!(next.steps[0], Step::Stop("stack-a.service".to_owned()));
    assert_eq!(next.starts, ["stack-a.service"]);
}

#[test]
fn what_failed_is_left_until_it_changes() {
    let wanted = plain(&[file("stack-a.container", "1")]);
    let mut seen = done(&wanted, Seen::default());
    seen.units.insert("stack-a.service".to_owned(), Unit::Failed);
    assert_eq!(plan(&wanted, &seen), Plan::default());
    assert_eq!(plan(&plain(&[file("stack-a.container", "2")]), &seen).starts, ["stack-a.service"]);
}

#[test]
fn a_service_with_two_sides_is_rolled_to_and_fro() {
    let versions = ["1", "2", "3"].map(|text| [two_sided("api", text)]);
    let mut seen = done(&versions[0], Seen::default());
    assert_eq!(seen.files.keys().collect::<Vec<_>>(), ["stack-api.container"]);
    for (wanted, there) in versions[1..].iter().zip(["stack-api_b.container", "stack-api.container"]) {
        let steps = plan(wanted, &seen);
        assert_eq!(words(&steps), ["api Roll"]);
        assert!(steps.steps.is_empty() && steps.starts.is_empty(), "nothing else is touched: {steps:?}");
        seen = done(wanted, seen);
        assert_eq!(plan(wanted, &seen), Plan::default());
        assert_eq!(seen.files.keys().collect::<Vec<_>>(), [there]);
    }
    assert!(seen.on_b.is_empty());
    // One that was declared with one side is stopped first.
    let one_side = plain(&[file("stack-api.container", "1")]);
    assert_eq!(words(&plan(&versions[0], &done(&one_side, Seen::default()))), ["api Replace"]);
    // One that does not run is started as it is wanted.
    seen.units.insert("stack-api.service".to_owned(), Unit::Failed);
    assert_eq!(words(&plan(&versions[0], &seen)), ["api Replace"]);
}

#[test]
fn a_roll_that_was_cut_off_begins_anew_or_ends() {
    let [old, new] = ["1", "2"].map(|text| [two_sided("api", text)]);
    let mut seen = done(&old, Seen::default());
    let beside = new[0].twin.as_ref().unwrap().file.clone();
    seen = start([Step::Write(beside), Step::Reload].iter().fold(seen, take), "stack-api_b.service");
    let anew = plan(&new, &seen);
    assert_eq!(
        anew.steps[..2],
        [Step::Stop("stack-api_b.service".into()), Step::Remove("stack-api_b.container".into())]
    );
    assert_eq!(anew.rolls.len(), 1, "{anew:?}");
    seen.on_b.insert("api".into());
    let end = plan(&new, &seen);
    assert!(end.starts.is_empty() && end.rolls.is_empty(), "{end:?}");
    assert_eq!(
        end.steps,
        [Step::Stop("stack-api.service".into()), Step::Remove("stack-api.container".into()), Step::Reload,],
        "the new one is asked already"
    );
    // And back: the one that is asked is as it is wanted.
    seen.on_b.clear();
    assert_eq!(plan(&old, &seen).steps[0], Step::Stop("stack-api_b.service".into()));
}

#[test]
fn who_depends_on_what_is_replaced_holds_its_requests() {
    let db = |text: &str| file("stack-db.container", text).into();
    let api: Wanted = file("stack-api.container", &format!("After=stack-db.service\n{HOLDS}\n")).into();
    let other: Wanted = file("stack-web.container", "After=stack-db.service\n").into();
    let seen = done(&[db("1"), api.clone(), other.clone()], Seen::default());
    assert_eq!(plan(&[db("2"), api.clone(), other.clone()], &seen).renewals[0].held, ["stack-api.service"]);
    assert!(plan(&[api.clone(), other.clone()], &seen).held.is_empty(), "it does not come back");
    let changed: Wanted = file("stack-api.container", HOLDS).into();
    let next = plan(&[db("2"), changed, other.clone()], &seen);
    let held: Vec<usize> = next.renewals.iter().map(|one| one.held.len()).collect();
    assert_eq!(held, [1, 0], "it waits for the database, and not for itself");
    let mut fails = seen;
    fails.units.insert("stack-api.service".into(), Unit::Failed);
    assert!(plan(&[db("2"), api, other], &fails).renewals[0].held.is_empty(), "it does not run");
}

fn wanted() -> impl Strategy<Value = Vec<Wanted>> {
    let two_sided = prop::collection::btree_map("[e-f]", "[12]\nNetwork=stack-[a-d]\\.network", 0..3);
    (files(), two_sided).prop_map(|(files, two_sided)| {
        let plain = files.iter().map(|(name, text)| file(name, text).into());
        plain.chain(two_sided.iter().map(|(name, text)| self::two_sided(name, text))).collect()
    })
}

fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("stack-[a-d]\\.(container|network)", "[12]", 0..6)
}

/// What may lie there: of both sides, of either version, in a network or not.
fn lying() -> impl Strategy<Value = BTreeMap<String, String>> {
    let text = ("[12]\nNetwork=stack-[a-d]\\.network", any::<bool>());
    let sides = prop::collection::btree_map(("[e-f]", any::<bool>()), text, 0..5);
    let one = |((name, on_b), (text, has_side)): ((String, bool), (String, bool))| {
        let (service, side): (Name, Side) = (name.parse().unwrap(), if on_b { Side::B } else { Side::A });
        let alias = if has_side { alias(side, &service) } else { String::new() };
        (format!("{}.container", side.stem(&service)), format!("{text}\n{alias}"))
    };
    (files(), sides)
        .prop_map(move |(files, sides)| files.into_iter().chain(sides.into_iter().map(one)).collect())
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Active), Just(Unit::Starting), Just(Unit::Inactive)]
}

proptest! {
    /// Interrupted after any step, what follows leads to the same end, and then nothing is left to do.
    #[test]
    fn any_start_leads_to_what_is_wanted(
        wanted in wanted(),
        there in lying(),
        states in prop::collection::btree_map("stack-([a-d]|[e-f](_b)?)\\.service", unit(), 0..8),
        on_b in prop::collection::btree_set("[d-f]", 0..3),
        cut in 0_usize..12,
    ) {
        let seen = Seen { files: there, units: states, stale: true, on_b };
        let half = follow(&plan(&wanted, &seen), seen, cut);
        let end = done(&wanted, half);
        prop_assert_eq!(plan(&wanted, &end), Plan::default());
        prop_assert_eq!(end.files.len(), wanted.len(), "one side of each");
        for one in &wanted {
            let here = one.twin.as_ref().filter(|twin| end.on_b.contains(&twin.service.to_string()));
            let here = here.map_or(&one.file, |twin| &twin.file);
            prop_assert_eq!(end.files.get(&here.name), Some(&here.text));
        }
    }

    /// Whoever is asked and runs is not stopped before another is asked, unless its network goes.
    #[test]
    fn nobody_who_is_asked_stops(from in "[12]", to in "[12]", on_b: bool, other in prop::option::of("[12]")) {
        let sides = |text: &str| {
            let one = two_sided("api", text);
            let twin = one.twin.clone().unwrap().file;
            if on_b { (twin, one.file.clone(), one) } else { (one.file.clone(), twin, one) }
        };
        let (live, free, _) = sides(&from);
        let mut seen = Seen { stale: true, ..Seen::default() };
        seen.on_b.extend(on_b.then(|| "api".to_owned()));
        seen.units.insert(unit_of(&live.name).unwrap(), Unit::Active);
        seen.files.insert(live.name.clone(), live.text);
        if let Some(text) = other {
            seen.units.insert(unit_of(&free.name).unwrap(), Unit::Active);
            seen.files.insert(free.name, text);
        }
        let Plan { steps, renewals, .. } = plan(&[sides(&to).2], &seen);
        prop_assert!(renewals.is_empty(), "{renewals:?}");
        prop_assert!(!steps.contains(&Step::Stop(unit_of(&live.name).unwrap())), "{steps:?}");
        prop_assert!(!steps.iter().any(|step| matches!(step, Step::Ask(..))), "{steps:?}");
    }
}
