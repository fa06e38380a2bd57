//! Any bytes as the manifest of a version, and as a list of channels. Never a panic; what is read is written and read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::bundle::channels::Channels;
use tayberry_format::bundle::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::decode(bytes)
        && let Ok(again) = manifest.encode()
    {
        assert_eq!(Manifest::decode(&again).ok(), Some(manifest));
    }
    if let Ok(channels) = Channels::decode(bytes)
        && let Ok(again) = channels.encode()
    {
        assert_eq!(Channels::decode(&again).ok(), Some(channels));
    }
});
