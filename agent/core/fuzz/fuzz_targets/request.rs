//! Any bytes as a question over D-Bus, and as the body of each route. Never a panic; what is read is written and read the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::from_slice;
use tayberry_core::request::{Request, network, owner, problem, settings, setup, tokens};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = from_slice::<Request>(bytes) {
        let text = serde_json::to_vec(&request).expect("what was read can be written");
        assert_eq!(from_slice::<Request>(&text).expect("and read again"), request);
    }
    drop(from_slice::<setup::Claim>(bytes));
    drop(from_slice::<setup::PasswordToJudge>(bytes));
    drop(from_slice::<setup::Answers>(bytes));
    drop(from_slice::<owner::Credentials>(bytes));
    drop(from_slice::<owner::Recovery>(bytes));
    drop(from_slice::<owner::PasswordChange>(bytes));
    drop(from_slice::<settings::SettingsChange>(bytes));
    drop(from_slice::<network::WifiChoice>(bytes));
    drop(from_slice::<network::Confirmation>(bytes));
    drop(from_slice::<tokens::TokenWish>(bytes));
    drop(from_slice::<problem::Problem>(bytes));
});
