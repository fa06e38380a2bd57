//! What the agent does again and again: look, decide (in `tayberry-core`), act.

pub mod again;
pub mod apply;
pub mod button;
pub mod certificates;
pub mod claim_file;
pub mod console;
pub mod domain;
pub mod hardware;
pub mod led;
pub mod network;
pub mod panel;
pub mod power_key;
pub mod self_test;
pub mod stack;
pub mod thermal;
pub mod updates;
