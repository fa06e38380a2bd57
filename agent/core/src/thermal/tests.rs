//! Tests of [`super`].
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A device that says these temperatures of its processor, one a second, in thousandths of a degree.
fn run(policy: &Policy, temperatures: impl IntoIterator<Item = i32>) -> Vec<Decision> {
    let (mut state, mut now, mut readings) = (State::default(), Duration::ZERO, Vec::new());
    let mut decide = |temperature| {
        now += SECOND;
        remember(&mut readings, &[(Sensor::Processor, Celsius::from_thousandths(temperature))], now);
        super::decide(policy, &mut state, &readings, SECOND, now)
    };
    temperatures.into_iter().map(&mut decide).collect()
}

fn duties(decisions: &[Decision]) -> Vec<u8> {
    decisions.iter().map(|one| one.duty.percent()).collect()
}

fn reading(degrees: i16, at: u64) -> Reading {
    let at = Duration::from_secs(at);
    Reading { sensor: Sensor::Processor, temperature: Celsius::from_degrees(degrees), at, same_since: at }
}

/// A device that gets busy, and rests: every fifth second as temperature and speed.
#[test]
fn a_curve_in_gives_a_table_out() {
    let up = (0..60).map(|second| 40_000 + 500 * second);
    let down = (0..60).map(|second| 70_000 - 500 * second);
    let temperatures: Vec<i32> = up.chain(down).collect();
    let table: Vec<(i32, u8)> = temperatures
        .iter()
        .zip(duties(&run(&Policy::Balanced, temperatures.clone())))
        .step_by(5)
        .map(|(temperature, duty)| (temperature / 100, duty))
        .collect();
    assert_eq!(
        table,
        [
            (400, 0),
            (425, 0),
            (450, 0),
            (475, 0),
            (500, 100),
            (525, 35),
            (550, 40),
            (575, 45),
            (600, 50),
            (625, 58),
            (650, 66),
            (675, 75),
            (700, 83),
            (675, 83),
            (650, 80),
            (625, 71),
            (600, 63),
            (575, 55),
            (550, 48),
            (525, 43),
            (500, 38),
            (475, 33),
            (450, 26),
            (425, 0),
        ]
    );
}

#[test]
fn a_fan_that_stands_still_is_started_at_full_speed() {
    assert_eq!(duties(&run(&Policy::Balanced, [40_000, 50_000, 50_100, 50_000])), [0, 100, 30, 30]);
}

#[test]
fn nobody_knows_what_the_fan_did_before() {
    assert_eq!(duties(&run(&Policy::Balanced, [60_000, 60_100])), [100, 50]);
}

#[test]
fn doubts_end_in_full_speed() {
    let decide = |readings: &[Reading], now| {
        let one =
            super::decide(&Policy::Quiet, &mut State::default(), readings, SECOND, Duration::from_secs(now));
        (one.duty.percent(), one.doubts, one.worry)
    };
    let processor = Sensor::Processor;
    assert_eq!(decide(&[], 9), (100, vec![Doubt::Missing], Worry::Normal));
    assert_eq!(decide(&[reading(40, 3)], 9), (100, vec![Doubt::Stale(processor)], Worry::Normal));
    assert_eq!(decide(&[reading(40, 4)], 9), (0, vec![], Worry::Normal));
    let absurd = Doubt::Absurd(processor, Celsius::from_degrees(126));
    assert_eq!(decide(&[reading(126, 9)], 9), (100, vec![absurd], Worry::Normal));
    let stuck = Reading { at: Duration::from_secs(700), ..reading(40, 99) };
    assert_eq!(decide(&[stuck], 700), (100, vec![Doubt::Stuck(processor)], Worry::Normal));
    let rests = Reading { sensor: Sensor::Drive(0), at: Duration::from_secs(700), ..reading(40, 99) };
    let now = Reading { at: Duration::from_secs(700), ..reading(40, 700) };
    assert_eq!(decide(&[now, rests], 700), (0, vec![], Worry::Normal), "a drive that rests is not stuck");
    let drive = Reading { sensor: Sensor::Drive(0), ..reading(40, 1) };
    assert_eq!(
        decide(&[reading(40, 9), drive], 9),
        (100, vec![Doubt::Stale(Sensor::Drive(0))], Worry::Normal)
    );
}

#[test]
fn a_drive_worries_ten_degrees_earlier() {
    let drive = Reading { sensor: Sensor::Drive(1), ..reading(70, 9) };
    let both = [reading(40, 9), drive];
    let now = Duration::from_secs(9);
    assert_eq!(super::decide(&Policy::Quiet, &mut State::default(), &both, SECOND, now).duty, Duty::FULL);
}

#[test]
fn a_drive_lets_services_rest_and_no_more() {
    let mut state = State::default();
    let worry = (0..100).map(|second| {
        let drive = Reading { sensor: Sensor::Drive(0), ..reading(124, second) };
        super::decide(
            &Policy::Quiet,
            &mut state,
            &[reading(40, second), drive],
            SECOND,
            Duration::from_secs(second),
        )
        .worry
    });
    assert_eq!(worry.last(), Some(Worry::Shedding));
}

/// In the heat: services rest after [`HOT_FOR`], the device goes off after [`CRITICAL_FOR`] of worse, and comes back from the
/// first alone.
#[test]
fn worries_have_their_time() {
    let at = |decisions: &[Decision], worry| decisions.iter().position(|one| one.worry == worry);
    let waver = |degrees: i32, seconds: i32| (0..seconds).map(move |second| degrees * 1000 + second % 2);
    let hot = run(&Policy::Quiet, waver(90, 60).chain(waver(76, 5)).chain(waver(74, 5)));
    assert_eq!(at(&hot, Worry::Shedding), Some(30));
    assert_eq!(hot.iter().rposition(|one| one.worry == Worry::Shedding), Some(64));
    let short = run(&Policy::Quiet, waver(90, 29).chain(waver(80, 1)).chain(waver(90, 29)));
    assert_eq!(at(&short, Worry::Shedding), None);
    let critical = run(&Policy::Quiet, waver(101, 11).chain(waver(30, 60)));
    assert_eq!(at(&critical, Worry::PoweringDown), Some(10));
    assert_eq!(critical[70].worry, Worry::PoweringDown, "it is not called back");
    assert_eq!(critical[70].duty, Duty::FULL);
}

#[test]
fn an_owners_curve_is_judged() {
    let read = |text: &str| serde_json::from_str::<Policy>(text).map_err(|error| error.to_string());
    assert!(read(r#"{"curve":[[45,20],[80,100]]}"#).is_ok());
    for (text, words) in [
        (r#"{"curve":[]}"#, "0 points"),
        (r#"{"curve":[[45,101]]}"#, "101 %"),
        (r#"{"curve":[[45,20],[45,100]]}"#, "point 2"),
        (r#"{"curve":[[45,20],[60,10]]}"#, "point 2"),
        (r#"{"curve":[[45,20],[81,100]]}"#, "80 degrees"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(words), "{text}: {said}");
    }
    for policy in [Policy::Quiet, Policy::Balanced, Policy::Cool] {
        assert!(Curve::try_from(Vec::from(policy.curve())).is_ok(), "{policy:?}");
    }
}

fn curves() -> impl Strategy<Value = Curve> {
    prop::collection::vec((-50..80_i16, 0..=100_u8), 0..15).prop_map(|mut points| {
        points.sort_unstable();
        points.dedup_by_key(|(degrees, _)| *degrees);
        let mut slowest = 0;
        for (_, percent) in &mut points {
            slowest = slowest.max(*percent);
            *percent = slowest;
        }
        points.push((80, 100));
        Curve::try_from(points).unwrap()
    })
}

proptest! {
    #[test]
    fn hotter_is_never_slower(curve in curves(), one in -60_000..130_000_i32, other in -60_000..130_000_i32) {
        let (cool, hot) = (one.min(other), one.max(other));
        prop_assert!(curve.at(Celsius::from_thousandths(cool)) <= curve.at(Celsius::from_thousandths(hot)));
    }

    #[test]
    fn whatever_is_said_the_fan_is_safe(curve in curves(), said in prop::collection::vec(any::<i32>().prop_map(|any| any % 140_000), 1..80)) {
        let mut last: Option<u8> = None;
        for (temperature, one) in said.iter().zip(run(&Policy::Curve(curve), said.clone())) {
            let duty = one.duty.percent();
            let believed = BELIEVED.contains(&Celsius::from_thousandths(*temperature));
            prop_assert_eq!(one.doubts.is_empty(), believed);
            prop_assert!(believed || duty == 100, "a doubt is full speed");
            prop_assert!(*temperature < Curve::FULL_AT.thousandths() || duty == 100, "heat is full speed");
            prop_assert!(duty == 0 || duty >= MINIMUM, "{duty} % only hums");
            if let Some(last) = last.filter(|last| *last < 100) {
                prop_assert!(duty == 0 || duty + SLOWER >= last, "{last} to {duty}");
            }
            last = Some(duty);
        }
    }
}
