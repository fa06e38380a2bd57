//! What runs on the workstation: builds Tayberry images, boots them in a virtual Pi 5, inspects and flashes them.
//!
//! `commands` says what happens in which order; every other module does one thing. The command line is in
//! `main.rs`; the virtual Pi 5 is also a library for the journeys in `tests/`.

pub mod apt;
pub mod bmap;
pub mod build;
pub mod commands;
pub mod config;
pub mod deb;
pub mod device;
pub mod emulate;
pub mod fetch;
pub mod files;
pub mod flash;
pub mod image_file;
pub mod inspect;
pub mod interrupt;
pub mod lock;
pub mod mirror;
pub mod outputs;
pub mod paths;
pub mod publish;
pub mod registry;
pub mod sparse;
pub mod tools;
pub mod ui;
