//! Any bytes as `tayberry.toml`. Never a panic; what is read says the same when it is written, and what replaces it holds
//! no secret, whatever room there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::preseed::{BYTES, Preseed};

fuzz_target!(|bytes: &[u8]| {
    let Ok(preseed) = Preseed::parse(bytes) else { return };
    if let Ok(block) = preseed.render() {
        assert_eq!(Preseed::parse(&block), Ok(preseed.clone()));
    }
    for length in [bytes.len(), BYTES] {
        let left = preseed.replacement(length);
        assert_eq!(left.len(), length);
        assert!(Preseed::parse(&left).is_ok_and(|left| !left.has_secrets()));
    }
});
