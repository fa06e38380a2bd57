//! Any bytes as `config.txt` and `autoboot.txt`, on several boards. Never a panic, never endless lists.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tayberry_firmware::{Autoboot, Board, Config, ResetState};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let mut board = Board::default();
    board.eeprom.build = [0, 1_740_000_000, 1_779_807_685, u32::MAX][usize::from(first & 3)];
    let reset = ResetState { try_once: first & 4 != 0, boot_count: *first, ..ResetState::default() };
    let (config, _) = Config::parse(text, &board, &reset, u32::from(first >> 4));
    assert!(config.initramfs.len() <= 64 && config.overlays.len() <= 64);
    let autoboot = Autoboot::parse(text, reset.try_once);
    assert!(text.len() <= 512 || autoboot == Autoboot::default());
});
