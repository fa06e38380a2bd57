//! The workstation's command and its stages, as a whole. One program: each of its own would be linked with all of them again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

mod common;

mod bad_input;
mod device;
mod documents;
mod fetch;
mod flash;
mod golden;
mod inspect;
mod kernel_archive;
mod outputs;
mod publish;
mod registry;
mod relock;
