//! Any bytes as an index. Never a panic, never more memory than its limit; what is read is written and read the same, and
//! every chunk lies inside its partition and, once, in the pack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::bundle::index::Index;
use tayberry_format::slot::Slot;

fuzz_target!(|bytes: &[u8]| {
    let Ok(index) = Index::decode(bytes) else { return };
    for region in &index.regions {
        assert!(region.offset + region.bytes() <= region.part.of(Slot::B).bytes);
    }
    for placed in index.placed() {
        assert!(placed.entry.stored > 0);
        assert!(placed.pack + u64::from(placed.entry.stored) <= index.pack_bytes());
    }
    assert_eq!(Index::decode(&index.encode()).ok().as_ref(), Some(&index));
});
