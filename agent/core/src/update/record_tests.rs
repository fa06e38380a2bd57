//! The table, and every way of a power cut or restart between two steps.

use std::collections::HashSet;

use super::*;

const OLD: RootHash = RootHash([1; 32]);
const NEW: RootHash = RootHash([2; 32]);

fn target() -> Target {
    Target {
        version: "2".parse().unwrap(),
        root_hash: NEW,
        slot: Slot::B,
        back: false,
        pulled: false,
        from: Some(System { version: "1".parse().unwrap(), root_hash: OLD }),
        speed: Speed::Live,
        stack_worked: false,
        wanted: 0,
    }
}

fn seen(running: Slot) -> Seen {
    Seen { running, root_hash: if running == Slot::A { OLD } else { NEW }, crash: None }
}

fn at(phase: Phase) -> Record {
    Record { phase, ..Record::default() }
}

fn check() -> Reason {
    Reason::Check { name: "front".into(), found: "It does not answer.".into() }
}

/// What the agent and the firmware do, for the walk below.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    running: Slot,
    default: Slot,
    /// The try-once flag: gone after any reset and after a power cut.
    flag: bool,
    /// Every check passed once.
    judged: bool,
}

impl World {
    /// A restart. The firmware takes the flag, if there is one; `cut` is a power cut, which loses it.
    fn restart(&self, cut: bool) -> Self {
        let trial = self.flag && !cut;
        let running = if trial { self.default.other() } else { self.default };
        Self { running, flag: false, ..self.clone() }
    }
}

/// The states that can follow one: the agent's next step, a failure, a restart, a power cut before or after the effect.
fn follow(record: &Record, world: &World) -> Vec<(Record, World)> {
    let step = |event: Event| next(record, event, 7).ok();
    let mut found = Vec::new();
    let mut add =
        |record: Option<Record>, world: &World| found.extend(record.map(|record| (record, world.clone())));
    match &record.phase {
        Phase::Idle => add(step(Event::Accepted(Target { slot: world.running.other(), ..target() })), world),
        Phase::Writing(_) => {
            add(step(Event::Written(Speed::Live)), world);
            add(step(Event::Failed(Reason::Cancelled)), world);
        }
        Phase::Staged(_) => {
            add(step(Event::Restart { stack_works: true, reboot: false }), world);
            add(step(Event::Failed(Reason::Cancelled)), world);
        }
        Phase::Armed(target) => {
            add(Some(record.clone()), &World { flag: true, ..world.clone() });
            // Live, without the firmware.
            if !world.flag {
                let switched = World { running: target.slot, ..world.clone() };
                add(next(record, Event::Started(seen(target.slot)), 7).ok(), &switched);
            }
            add(
                step(Event::Failed(Reason::NotArmed { why: "no".into() })),
                &World { flag: false, ..world.clone() },
            );
        }
        Phase::Trial(_) => {
            add(step(Event::Healthy), &World { judged: true, ..world.clone() });
            add(step(Event::Unhealthy(check(), Vec::new())), world);
        }
        Phase::Committing(target) => {
            let done = World { default: target.slot, ..world.clone() };
            add(Some(record.clone()), &done);
            if world.default == target.slot {
                add(step(Event::Committed), &done);
            }
        }
        Phase::GoingBack(..) => {
            let back = World { running: world.default, ..world.clone() };
            add(next(record, Event::Started(seen(world.default)), 7).ok(), &back);
        }
    }
    for cut in [false, true] {
        let world = world.restart(cut);
        let root_hash = if world.running == Slot::A { OLD } else { NEW };
        let seen = Seen { running: world.running, root_hash, crash: None };
        add(next(record, Event::Started(seen), 7).ok(), &world);
    }
    found
}

/// Everything that can happen to one update, step by step, with a restart or power cut between any two.
#[test]
fn no_power_cut_leads_astray() {
    let mut known = HashSet::new();
    let mut open =
        vec![(Record::default(), World { running: Slot::A, default: Slot::A, flag: false, judged: false })];
    while let Some((record, world)) = open.pop() {
        let key = (serde_json::to_string(&record).unwrap(), world.clone());
        if !known.insert(key) {
            continue;
        }
        // A slot becomes the default only after it was judged well.
        if world.default == Slot::B {
            assert!(world.judged, "{record:?} {world:?}");
            // One update is enough: the next begins where this one began, with the slots exchanged.
            if record.phase == Phase::Idle {
                continue;
            }
        }
        // Somebody is always there to say why.
        if record.phase == Phase::Idle && world.default == Slot::A && record.last.is_some() {
            assert!(record.last.as_ref().is_some_and(|last| last.why.is_some()), "{record:?}");
        }
        // What runs on trial is the target, and never what is written to.
        match &record.phase {
            Phase::Writing(target) => assert_ne!(target.slot, world.running),
            Phase::Trial(target) => assert_eq!(target.slot, world.running),
            _ => {}
        }
        open.extend(follow(&record, &world));
    }
    assert!(known.len() > 20, "{}", known.len());
}

#[test]
fn the_table() {
    let t = target;
    let phases = [
        Phase::Idle,
        Phase::Writing(t()),
        Phase::Staged(t()),
        Phase::Armed(t()),
        Phase::Trial(t()),
        Phase::Committing(t()),
    ];
    let events = || {
        [
            Event::Accepted(t()),
            Event::Written(Speed::Live),
            Event::Restart { stack_works: true, reboot: false },
            Event::Failed(Reason::Cancelled),
            Event::Healthy,
            Event::Committed,
        ]
    };
    // Which of them each phase takes, in the order above.
    let taken = ["x.....", ".x.x..", "..xx..", "......", "....x.", ".....x"];
    for (phase, taken) in phases.into_iter().zip(taken) {
        for (event, taken) in events().into_iter().zip(taken.chars()) {
            let result = next(&at(phase.clone()), event.clone(), 1);
            assert_eq!(result.is_ok(), taken == 'x', "{phase:?} {event:?}");
        }
    }
}

#[test]
fn what_ran_and_did_not_stay_is_remembered_with_its_reason() {
    let gone = next(&at(Phase::Armed(target())), Event::Started(seen(Slot::A)), 5).unwrap();
    let last = gone.last.clone().unwrap();
    assert_eq!((last.at, last.version, last.why), (5, target().version, Some(Reason::DidNotComeUp)));
    assert_eq!(gone.failed, [Failed { root_hash: NEW, why: Reason::DidNotComeUp }]);
    let crash = Crash { line: "Oops".into(), log: vec!["before".into(), "Oops".into()] };
    let crash = Seen { crash: Some(crash), ..seen(Slot::A) };
    let crashed = next(&at(Phase::Trial(target())), Event::Started(crash), 5).unwrap().last.unwrap();
    assert_eq!((crashed.why, crashed.log.len()), (Some(Reason::Crashed { line: "Oops".into() }), 2));
    let unhealthy = Event::Unhealthy(check(), vec!["front: no certificate".into()]);
    let judged = next(&at(Phase::Trial(target())), unhealthy, 5).unwrap();
    let judged = next(&judged, Event::Started(seen(Slot::A)), 6).unwrap();
    assert_eq!(judged.last.unwrap().log, ["front: no certificate"]);
    assert!(judged.log.is_empty());
    let judged = next(&at(Phase::GoingBack(target(), check())), Event::Started(seen(Slot::A)), 5).unwrap();
    assert_eq!(judged.last.unwrap().why, Some(check()));
    // It never ran: nothing speaks against it.
    let cut = next(&at(Phase::Writing(target())), Event::Started(seen(Slot::A)), 5).unwrap();
    assert_eq!((cut.last.unwrap().why, cut.failed.len()), (Some(Reason::Interrupted), 0));
    // Later it stayed.
    let record = Record { phase: Phase::Committing(target()), failed: gone.failed, ..Record::default() };
    assert!(next(&record, Event::Committed, 9).unwrap().failed.is_empty());
}

#[test]
fn only_so_many_are_remembered() {
    let mut record = Record::default();
    for number in 0..20 {
        let target = Target { root_hash: RootHash([number; 32]), ..target() };
        record.phase = Phase::Armed(target);
        record = next(&record, Event::Started(seen(Slot::A)), 1).unwrap();
    }
    assert_eq!(record.failed.len(), REMEMBERED);
    assert_eq!(record.failed.back().unwrap().root_hash, RootHash([19; 32]));
}

#[test]
fn there_is_a_way_back_until_the_other_slot_is_written() {
    let stayed = next(&at(Phase::Committing(target())), Event::Committed, 5).unwrap();
    assert_eq!(stayed.previous, target().from);
    // Back: what is left must not return by itself, and the way there and back stays open.
    let from = System { version: target().version, root_hash: NEW };
    let back = Target {
        version: "1".parse().unwrap(),
        root_hash: OLD,
        slot: Slot::A,
        back: true,
        pulled: false,
        from: Some(from.clone()),
        speed: Speed::Live,
        stack_worked: false,
        wanted: 0,
    };
    let staged = next(&stayed, Event::Verified(back.clone()), 6).unwrap();
    let cancelled = next(&staged, Event::Failed(Reason::Cancelled), 7).unwrap();
    assert_eq!(cancelled.previous, stayed.previous);
    let done = Record { phase: Phase::Committing(back), ..staged };
    let done = next(&done, Event::Committed, 8).unwrap();
    assert_eq!((done.previous, done.failed.len()), (Some(from), 1));
    assert_eq!(done.failed[0], Failed { root_hash: NEW, why: Reason::Owner });
    // The new one decayed, and the initramfs went back by itself.
    let gone_back = next(&stayed, Event::Started(seen(Slot::A)), 9).unwrap();
    assert_eq!(gone_back.previous, None);
    let written = next(&stayed, Event::Accepted(target()), 9).unwrap();
    assert_eq!(written.previous, None);
}

#[test]
fn it_is_remembered_how_long_services_were_away() {
    let ended = |speed: Speed, wanted| {
        let target = Target { speed, wanted, ..target() };
        next(&at(Phase::Committing(target)), Event::Committed, 161).unwrap()
    };
    let restarted = ended(Speed::default(), 100);
    assert_eq!(restarted.gaps, Gaps { reboot: Some(61_000), live: None });
    assert_eq!(ended(Speed::Live, 100).gaps, Gaps::default());
    assert_eq!(ended(Speed::default(), 0).gaps, Gaps::default(), "an agent before this one did not say when");
    assert_eq!(ended(Speed::default(), 900).gaps.reboot, Some(0), "the clock was set back");
    let away = next(&restarted, Event::ServicesAway(1_900), 170).unwrap();
    assert_eq!(away.gaps, Gaps { reboot: Some(61_000), live: Some(1_900) });
}

#[test]
fn the_owner_may_want_a_restart_where_none_is_needed() {
    for (reboot, speed) in [(false, Speed::Live), (true, Speed::default())] {
        let armed =
            next(&at(Phase::Staged(target())), Event::Restart { stack_works: true, reboot }, 9).unwrap();
        let Phase::Armed(target) = armed.phase else { panic!("{armed:?}") };
        assert_eq!((target.speed, target.wanted), (speed, 9));
    }
}
