//! Any bytes as the headings of a bundle. Never a panic; a heading that is read is written and read the same, and its padding
//! ends with a block.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::bundle::container::{BLOCK, Heading};

fuzz_target!(|bytes: &[u8]| {
    for block in bytes.chunks_exact(BLOCK) {
        let Some(block) = block.first_chunk::<BLOCK>() else { continue };
        if let Ok(Some(heading)) = Heading::decode(block) {
            assert!(!heading.name.starts_with('/') && !heading.name.split('/').any(|part| part == ".."));
            assert_eq!((heading.bytes + heading.padding()) % BLOCK as u64, 0);
            if let Ok(again) = heading.encode() {
                assert_eq!(Heading::decode(&again).ok().flatten(), Some(heading));
            }
        }
    }
});
