//! Looks at the device and acts on it; thin, without policy.

pub mod boot;
pub mod console;
pub mod data;
pub mod mailbox;
pub mod network;
pub mod preseed;
pub mod render;
pub mod store;
