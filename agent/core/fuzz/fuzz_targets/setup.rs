//! Any answers to the setup, and any password. Never a panic; who becomes owner has a name and a password that is good
//! enough.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_core::request::setup::Answers;
use tayberry_core::{password, recovery, setup};
use tayberry_format::state::State;

fuzz_target!(|bytes: &[u8]| {
    let Ok(answers) = serde_json::from_slice::<Answers>(bytes) else {
        let text = String::from_utf8_lossy(bytes);
        assert!(password::judge(&text, &[&text]).score <= 4);
        return;
    };
    let codes = recovery::make(&[0; recovery::RANDOM]);
    // With the right characters of the code, or few answers get past them.
    let answers = Answers { recovery_characters: "000".into(), ..answers };
    let Ok(checked) = setup::check(answers, Some(&codes), true) else { return };
    assert!(password::judge(checked.password(), &[]).good_enough);
    let mut state = State::default();
    checked.apply(&mut state, "hash".into()).expect("the device has no owner");
    assert!(state.owner.is_some_and(|owner| !owner.name.is_empty()));
});
