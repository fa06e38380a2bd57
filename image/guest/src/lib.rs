//! The virtual Pi 5's helper inside the guest. It travels in the emulator's part of the initramfs and is never in an
//! image. The emulator on the workstation uses [`protocol`] of it, nothing else.

pub mod datagrams;
pub mod dbus;
pub mod gpio;
pub mod mdns;
pub mod port;
pub mod protocol;
pub mod relay;
