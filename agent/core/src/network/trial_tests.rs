//! Every pair of state and event, and that nothing but a confirmation over the new network keeps a change.

use proptest::prelude::*;

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wifi(name: &str) -> Option<Wifi> {
    Some(Wifi { ssid: name.to_owned().try_into().ok()?, password: None, country: None })
}

fn trying(id: &str, name: &str, until: u64) -> State {
    State::Trying(Trying { id: id.to_owned(), wanted: wifi(name), until: at(until) })
}

fn asked(id: &str, name: &str) -> Event {
    Event::Asked { id: id.to_owned(), wanted: wifi(name) }
}

fn confirmed(id: &str, kept: bool) -> Event {
    Event::Confirmed { id: id.to_owned(), kept }
}

#[test]
fn the_table() {
    use JoinFailure::{NotConfirmed, WrongPassword};
    let failed = || Event::Failed(WrongPassword);
    let running = || trying("a", "new", 70);
    let rows = [
        ("begins", State::Stable, asked("a", "new"), 10, Ok((running(), Effect::Try(wifi("new"))))),
        ("time passes", State::Stable, Event::Time, 10, Ok((State::Stable, Effect::Nothing))),
        ("a late failure", State::Stable, failed(), 10, Ok((State::Stable, Effect::Nothing))),
        ("nothing to confirm", State::Stable, confirmed("a", true), 10, Err(Rejected::NoTrial)),
        ("holds", running(), Event::Time, 69, Ok((running(), Effect::Nothing))),
        ("reverts", running(), Event::Time, 70, Ok((State::Stable, Effect::Revert(NotConfirmed)))),
        ("kept", running(), confirmed("a", true), 69, Ok((State::Stable, Effect::Keep(wifi("new"))))),
        ("too late", running(), confirmed("a", true), 70, Ok((State::Stable, Effect::Revert(NotConfirmed)))),
        ("elsewhere", running(), confirmed("a", false), 30, Err(Rejected::OtherNetwork)),
        ("another trial", running(), confirmed("b", true), 30, Err(Rejected::NoTrial)),
        ("fails", running(), failed(), 30, Ok((State::Stable, Effect::Revert(WrongPassword)))),
        (
            "changed one's mind",
            running(),
            asked("b", "other"),
            30,
            Ok((trying("b", "other", 90), Effect::Try(wifi("other")))),
        ),
    ];
    for (name, state, event, now, wanted) in rows {
        assert_eq!(next(&state, event, at(now)), wanted, "{name}");
    }
}

#[test]
fn only_what_stays_counts() {
    let address = |last: u8| IpAddr::from([192, 168, 1, last]);
    let cable = Link { radio: false, in_trial: false, addresses: vec![address(1)] };
    let old = Link { radio: true, in_trial: false, addresses: vec![address(2)] };
    let new = Link { radio: true, in_trial: true, addresses: vec![address(3)] };
    let links = [cable, old, new];
    assert!(keeps(&links, address(1)) && keeps(&links, address(3)));
    assert!(!keeps(&links, address(2)) && !keeps(&links, address(4)) && !keeps(&[], address(1)));
    let mapped = IpAddr::V6(std::net::Ipv4Addr::new(192, 168, 1, 3).to_ipv6_mapped());
    assert!(keeps(&links, mapped), "a socket for both families shows IPv4 so");
    assert_eq!(addresses(&links), [address(3)]);
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        "[ab]".prop_map(|id| Event::Asked { wanted: wifi(&id), id }),
        ("[ab]", any::<bool>()).prop_map(|(id, kept)| Event::Confirmed { id, kept }),
        Just(Event::Failed(JoinFailure::WrongPassword)),
        Just(Event::Time),
    ]
}

proptest! {
    /// Whatever happens: a change is kept only by its own confirmation over the new network, in time; and once time has
    /// passed without one, nothing is on trial.
    #[test]
    fn nothing_else_keeps_a_change(events in proptest::collection::vec((any_event(), 0u64..40), 0..40)) {
        let mut state = State::Stable;
        let mut now = Duration::ZERO;
        for (event, pause) in events {
            now += at(pause);
            let before = state.clone();
            let Ok((after, effect)) = next(&state, event.clone(), now) else { continue };
            if let Effect::Keep(kept) = effect {
                let State::Trying(trying) = before else { panic!("nothing was on trial") };
                prop_assert!(now < trying.until && kept == trying.wanted);
                prop_assert_eq!(event, Event::Confirmed { id: trying.id, kept: true });
            }
            state = after;
        }
        let (end, _) = next(&state, Event::Time, now + PATIENCE).unwrap();
        prop_assert_eq!(end, State::Stable);
    }
}
