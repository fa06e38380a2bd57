//! The contract between the builder on the workstation and the device.
//!
//! Everything here is a value or a pure function over `Read`/`Write`; opening files, disks and devices is
//! left to the callers. What is written here once is never written a second time elsewhere: slots, the
//! partition table, the files of the boot partitions, the hash tree, the kernel command line.

pub mod autoboot;
pub mod boot_counter;
pub mod boot_report;
pub mod bundle;
pub mod claim;
pub mod cmdline;
pub mod config_partition;
pub mod cpio;
pub mod fat;
mod fat_names;
pub mod header;
pub mod imager;
pub mod keyblock;
pub mod layout;
pub mod owner;
pub mod packages;
pub mod preseed;
pub mod property;
pub mod setup_network;
pub mod slot;
pub mod state;
pub mod table;
pub mod verity;
mod yaml;
