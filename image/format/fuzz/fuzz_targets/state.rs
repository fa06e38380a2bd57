//! Any bytes as a state document, and any JSON behind a good header. Never a panic; what is read is written and read the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use tayberry_format::state::{FORMAT, State};

fuzz_target!(|bytes: &[u8]| {
    drop(State::decode(bytes));
    // A checksum that is right, or no change gets behind it.
    let header = format!("tayberry-state {FORMAT} {}\n", hex::encode(Sha256::digest(bytes)));
    if let Ok(state) = State::decode(&[header.as_bytes(), bytes].concat()) {
        let again = state.encode().map(|text| State::decode(&text));
        assert_eq!(again, Ok(Ok(state)));
    }
});
