//! Any bytes as a preseed file and as Imager's files. Never a panic; nothing is taken over twice.
#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use tayberry_core::{imager, preseed};
use tayberry_format::imager::Files;
use tayberry_format::state::State;

fuzz_target!(|bytes: &[u8]| {
    let hash = |_: &str| Ok::<_, Infallible>("hash".to_owned());
    if let Ok(preseed::Wish::Take(taken)) = preseed::take_over(&State::default(), bytes, hash) {
        assert_eq!(taken.file.len(), bytes.len());
        assert_eq!(preseed::take_over(&taken.state, &taken.file, hash), Ok(preseed::Wish::Nothing));
    }
    let files = Files { user_data: bytes.to_vec(), network_config: bytes.to_vec() };
    if let Ok(imager::Wish::Take(taken)) = imager::take_over(&State::default(), &files) {
        assert_eq!(imager::take_over(&taken.state, &taken.files), Ok(imager::Wish::Nothing));
    }
});
