//! Any bytes as a bundle that streams by. Never a panic, never more memory than the limit of an entry, and always an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::bundle::entries::Entries;

fuzz_target!(|bytes: &[u8]| {
    let mut entries = Entries::new(bytes);
    while let Ok(Some(heading)) = entries.advance() {
        if let Ok(contents) = entries.whole(&heading, 1 << 16) {
            assert_eq!(contents.len() as u64, heading.bytes);
        }
    }
});
