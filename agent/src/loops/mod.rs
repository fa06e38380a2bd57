//! Loops of one shape: look, decide, act.

pub mod console;
pub mod network;
