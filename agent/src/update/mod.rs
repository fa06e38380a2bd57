//! Carries updates out, as `tayberry-core::update` decides: reads bundles, cuts what the device holds, writes the other slot
//! and reads it back. One thread reads, some unpack, one writes, with bounded memory; nothing is staged on the data partition.

pub mod direct;
pub mod http;
pub mod install;
pub mod job;
pub mod pack;
pub mod ranges;
pub mod scan;
pub mod trust;
pub mod unpack;
pub mod upload;
pub mod writer;
