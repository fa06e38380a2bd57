//! Any bytes as the files of Raspberry Pi Imager, with a zero byte between them. Never a panic; what replaces them is
//! left alone afterwards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_format::imager::Files;

fuzz_target!(|bytes: &[u8]| {
    let middle = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (user_data, network_config) = bytes.split_at(middle);
    let network_config = network_config.get(1..).unwrap_or_default();
    let files = Files { user_data: user_data.to_vec(), network_config: network_config.to_vec() };
    let Ok(customisation) = files.parse() else { return };
    let left = files.replaced(&customisation);
    assert_eq!(left.user_data.len(), files.user_data.len());
    assert_eq!(left.network_config.len(), files.network_config.len());
    let again = left.parse();
    assert_eq!(again.map(|again| left.replaced(&again)), Ok(left.clone()));
});
