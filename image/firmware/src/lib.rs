//! A model of the Raspberry Pi 5 boot firmware (the bootloader in the EEPROM): given a disk and the reboot
//! flags, which slot and which files does it boot?
//!
//! [`boot`] is the whole question. It reads through a [`Disk`] and nothing else, so the same code plays the
//! EEPROM in the emulator, judges thousands of torn disks in crash tests, and tells the device what its next
//! reboot will do. It reads directory entries, allocation tables, the small text files and the head of the
//! device tree, never the contents of a kernel or an initramfs, and it stops with an error after
//! [`MAX_READS`] reads or [`MAX_BYTES`] bytes whatever the disk holds.
//!
//! Each public item names the source of the facts it models. Where the firmware's behaviour is not
//! documented the model takes the reading that boots *less*, and says "inferred".
//!
//! [`digests`] alone reads whole files: by them two systems are told to need the same of the firmware.
//!
//! Left to others: judging whether the files are the right ones (verity root hash, signatures: agent and
//! crash tests), writing any of them (`tayberry-format`, image), device-tree edits and starting a machine
//! (emulator), other boot modes than one block device (network, `boot.img` ramdisks).

mod autoboot;
mod board;
mod boot;
mod bytes;
mod choose;
mod config;
mod devicetree;
mod digests;
mod disk;
mod error;
mod fat;
mod filter;
mod gpt;
mod locate;
mod log;
mod os;
mod reader;
mod table;
mod text;

pub use autoboot::{AUTOBOOT_MAX, Autoboot};
pub use board::{Board, BootWatchdog, Eeprom, Feature, Medium, Model, ResetState, Stepping};
pub use boot::{Boot, boot};
pub use config::{Config, Overlay, RequestedOverlay};
pub use digests::{DigestError, digests};
pub use disk::{Disk, DiskError};
pub use error::{BootError, Failure, ReadError};
pub use fat::{BootFile, Extent};
pub use locate::{LocateError, MAX_FILES, list, locate, read};
pub use log::{Level, LogLine};
pub use reader::{MAX_BYTES, MAX_READS};
