//! Looks at the device and acts on it; thin, without policy.

pub mod acme;
pub mod app_key;
pub mod authority;
pub mod autoboot;
pub mod boot;
pub mod boot_counter;
pub mod clock;
pub mod config_file;
pub mod console;
pub mod data;
pub mod front;
pub mod imager;
pub mod journal;
pub mod mailbox;
pub mod network;
pub mod password;
pub mod preseed;
pub mod random;
pub mod registry;
pub mod render;
pub mod slots;
pub mod store;
pub mod system;
pub mod systemd;
pub mod verity_table;
pub mod whole_file;
