//! Any bytes as a question, and as the body of each route: an answer or an error, never a panic.

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::*;

/// Each body type from the same bytes.
fn all_bodies(bytes: &[u8]) {
    fn one<T: DeserializeOwned>(bytes: &[u8]) {
        drop(serde_json::from_slice::<T>(bytes));
    }
    one::<setup::Claim>(bytes);
    one::<setup::PasswordToJudge>(bytes);
    one::<setup::Answers>(bytes);
    one::<owner::Credentials>(bytes);
    one::<owner::Recovery>(bytes);
    one::<owner::PasswordChange>(bytes);
    one::<settings::SettingsChange>(bytes);
    one::<domain::DomainWish>(bytes);
    one::<network::WifiChoice>(bytes);
    one::<network::Confirmation>(bytes);
    one::<tokens::TokenWish>(bytes);
    one::<problem::Problem>(bytes);
    if let Ok(request) = serde_json::from_slice::<Request>(bytes) {
        let text = serde_json::to_vec(&request).unwrap();
        assert_eq!(serde_json::from_slice::<Request>(&text).unwrap(), request);
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all_bodies(&bytes);
    }

    #[test]
    fn any_json_of_our_words(
        text in "[\\[{]?(\"(ask|with|code|now|owner|password|name|channel|ssid|country|claim|finish-setup)\"[:,]|[0-9e.-]{1,20}|[{}\\[\\],:]|null|true|\"\\PC{0,8}\"){0,30}",
    ) {
        all_bodies(text.as_bytes());
    }

    #[test]
    fn any_answers_to_the_setup(
        owner in "\\PC{0,70}", password in "\\PC{0,30}", characters in "\\PC{0,5}", zone in any::<bool>(),
    ) {
        let answers = setup::Answers {
            language: tayberry_format::state::Language::En,
            owner,
            password,
            recovery_characters: characters,
            name: "kitchen".to_owned().try_into().unwrap(),
            timezone: "UTC".to_owned().try_into().unwrap(),
            channel: tayberry_format::state::Channel::default(),
        };
        let codes = crate::recovery::make(&[0; crate::recovery::RANDOM]);
        let right = setup::Answers { recovery_characters: "000".into(), ..answers.clone() };
        for answers in [answers, right] {
            if let Ok(checked) = crate::setup::check(answers, Some(&codes), zone) {
                prop_assert!(zone && crate::password::judge(checked.password(), &[]).good_enough);
            }
        }
    }
}
