//! Tests of [`super`].

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// Stands for the slow hash.
#[allow(clippy::unnecessary_wraps, reason = "has the shape of the real one")]
fn hash(password: &str) -> Result<String, Infallible> {
    Ok(format!("hash of {}", password.len()))
}

fn take(state: &State, file: &[u8]) -> Taken {
    match take_over(state, file, hash).unwrap() {
        Wish::Take(taken) => *taken,
        other => panic!("the file says something: {other:?}"),
    }
}

/// A new device, which shows its claim code.
fn new() -> State {
    State { claim: Some("12345678".to_owned().try_into().unwrap()), ..State::default() }
}

fn block(text: &str) -> Vec<u8> {
    let mut block = text.as_bytes().to_vec();
    block.resize(4096, b'\n');
    block
}

const WHOLE: &str = "hostname = \"kitchen\"\nlanguage = \"de\"\nchannel = \"beta\"\n\
    [owner]\nname = \" Margarete \"\npassword = \"quark-Teller-77-Mond\"\n\
    [wifi]\nssid = \"home\"\npassword = \"correct horse\"\n";

#[test]
fn a_file_is_taken_over_once() {
    let file = b"# mine\nhostname = \"kitchen\"\n\n\n";
    let first = take(&State::default(), file);
    assert_eq!(first.state.hostname.as_ref().map(AsRef::as_ref), Some("kitchen"));
    assert_eq!(first.file, file, "without secrets it stays as it is");
    assert_eq!(take_over(&first.state, file, hash), Ok(Wish::Nothing));
    // What the owner changes afterwards stays.
    let renamed = State { hostname: Some("attic".to_owned().try_into().unwrap()), ..first.state };
    assert_eq!(take_over(&renamed, file, hash), Ok(Wish::Nothing));
}

#[test]
fn what_it_does_not_mention_stays() {
    let state = State { timezone: Some("UTC".to_owned().try_into().unwrap()), ..State::default() };
    assert_eq!(take(&state, b"hostname = \"attic\"").state.timezone, state.timezone);
    assert_eq!(take_over(&state, &[b'\n'; 4096], hash), Ok(Wish::Nothing));
    take_over(&state, b"hostnam = 1", hash).unwrap_err();
}

#[test]
fn a_whole_setup_needs_no_browser() {
    use tayberry_format::state::{Channel, Language};
    let taken = take(&new(), &block(WHOLE));
    let owner = taken.state.owner.clone().unwrap();
    assert_eq!((owner.name.as_str(), owner.password.as_str()), ("Margarete", "hash of 20"));
    assert_eq!((taken.state.claim.as_ref(), taken.state.language), (None, Language::De));
    assert_eq!(taken.state.channel, Channel::try_from("beta".to_owned()).unwrap());
    let wifi = taken.state.wifi.clone().unwrap();
    assert_eq!(wifi.password.unwrap().as_ref(), "correct horse");
    let left = String::from_utf8(taken.file.clone()).unwrap();
    assert_eq!(left.len(), 4096);
    assert!(left.contains("kitchen") && !left.contains("quark") && !left.contains("correct"), "{left}");
    assert_eq!(take_over(&taken.state, &taken.file, hash), Ok(Wish::Nothing));
    // The same card in a device that has an owner takes nothing from them.
    let owned = State { owner: Some(Owner { name: "Emil".into(), ..owner }), ..State::default() };
    let taken = take(&owned, &block(WHOLE));
    assert_eq!(taken.state.owner, owned.owner);
    assert!(!String::from_utf8(taken.file).unwrap().contains("quark"));
}

#[test]
fn an_owner_is_judged_like_anybody() {
    let file = |name: &str, password: &str| {
        format!("hostname = \"kitchen\"\n[owner]\nname = \"{name}\"\npassword = \"{password}\"")
    };
    let rows = [
        (file("Margarete", "password"), "too easy to guess"),
        (file("Margarete", "margarete"), "too easy to guess"),
        (file("Margarete", "kitchen1"), "too easy to guess"),
        (file("Margarete", "secret7"), "8 to 128"),
        (file(" ", "quark-Teller-77-Mond"), "1 to 64 characters"),
        (file("a\\nb", "quark-Teller-77-Mond"), "1 to 64 characters"),
    ];
    for (text, part) in rows {
        let error = take_over(&new(), text.as_bytes(), hash).unwrap_err().to_string();
        assert!(error.starts_with("tayberry.toml, ") && error.contains(part), "{error}");
        assert!(!error.ends_with('.'), "{error}");
    }
    let failing = |_: &str| Err::<String, _>("no memory");
    let error = take_over(&new(), WHOLE.as_bytes(), failing).unwrap_err();
    assert!(matches!(error, TakeOverError::Hash(_)), "{error}");
}

#[test]
fn a_file_that_cannot_be_replaced_is_taken_over_once_as_well() {
    let file = block(WHOLE);
    let state = not_replaced(take(&new(), &file).state, &file);
    assert_eq!(take_over(&state, &file, hash), Ok(Wish::Nothing));
}

/// One boot: what `tayberryd configure` does with the state on the disk and the file, cut off after so many writes.
fn boot(state: &mut State, file: &mut [u8], mut writes: usize) {
    let mut may_write = || {
        let may = writes > 0;
        writes = writes.saturating_sub(1);
        may
    };
    let (next, new) = match take_over(state, file, hash).unwrap() {
        Wish::Nothing => return,
        Wish::Empty(new) => (state.clone(), new),
        Wish::Take(taken) => (taken.state, taken.file),
    };
    if !may_write() {
        return;
    }
    *state = next;
    for step in replace::steps(&new) {
        // The drive writes sector by sector.
        for (index, bytes) in step.bytes.chunks(512).enumerate() {
            if !may_write() {
                return;
            }
            let at = step.at + index * 512;
            file[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

#[test]
fn a_power_cut_after_any_write_takes_the_same_over_and_leaves_no_secret() {
    let long = format!("{}{WHOLE}", format!("# {}\n", "x".repeat(70)).repeat(40));
    for text in [WHOLE.as_bytes().to_vec(), block(WHOLE), block(&long)] {
        let mut wanted = (new(), text.clone());
        boot(&mut wanted.0, &mut wanted.1, usize::MAX);
        for cut in 0..20 {
            for second in 0..20 {
                let (mut state, mut file) = (new(), text.clone());
                boot(&mut state, &mut file, cut);
                boot(&mut state, &mut file, second);
                boot(&mut state, &mut file, usize::MAX);
                let same = State { preseed: None, ..state.clone() };
                assert_eq!(same, State { preseed: None, ..wanted.0.clone() }, "{cut} {second}");
                let left = String::from_utf8(file.clone()).unwrap();
                assert!(!left.contains("quark") && !left.contains("correct"), "{cut} {second}: {left}");
                // Later changes stay.
                state.hostname = Some("attic".to_owned().try_into().unwrap());
                assert_eq!(take_over(&state, &file, hash), Ok(Wish::Nothing), "{cut} {second}");
            }
        }
    }
}

proptest! {
    #[test]
    fn hostile_bytes_change_nothing_or_are_taken_over_once(
        file in proptest::collection::vec(any::<u8>(), 0..5000),
    ) {
        if let Ok(Wish::Take(taken)) = take_over(&new(), &file, hash) {
            prop_assert_eq!(taken.file.len(), file.len());
            prop_assert_eq!(take_over(&taken.state, &taken.file, hash), Ok(Wish::Nothing));
        }
    }

    #[test]
    fn what_is_left_is_as_long_and_is_taken_over_once(
        name in "[a-z]{1,20}", ssid in "[a-z]{1,32}", padding in 0usize..3000, open in any::<bool>(),
    ) {
        let password = if open { "" } else { "password=\"correct horse\"" };
        let text = format!("hostname='{name}'\n[wifi]\nssid='{ssid}'\n{password}{}", "\n".repeat(padding));
        let taken = take(&State::default(), text.as_bytes());
        prop_assert_eq!(taken.file.len(), text.len());
        prop_assert!(!String::from_utf8_lossy(&taken.file).contains("correct horse"));
        prop_assert_eq!(take_over(&taken.state, &taken.file, hash), Ok(Wish::Nothing));
    }
}
