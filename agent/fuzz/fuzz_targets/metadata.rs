//! Any bytes as the metadata of The Update Framework, as a bundle brings them: parted at zero bytes into root, timestamp,
//! snapshot, targets, manifest and index. Never a panic, and always an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_agent::update::trust::{Small, believe};

fuzz_target!(|bytes: &[u8]| {
    let names = ["1.root.json", "2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "1.0/manifest.json", "1.0/index"];
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let small: Small = names.iter().zip(&parts).map(|(name, part)| ((*name).to_owned(), part.to_vec())).collect();
    let root = parts.first().copied().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("an executor");
    // The root is the fuzzer's own as well: that it vouches for something is no mistake.
    drop(runtime.block_on(believe(root, &small)));
});
