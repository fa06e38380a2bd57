//! How drives are: what they say of themselves, and what their owner should know of it. Asking them is left to the agent.

mod judge;
mod smart;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use judge::warnings;
pub use smart::{PAGE, Smart};

/// A drive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Drive {
    /// The kernel's name, as `nvme0n1`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What its maker calls it.
    pub model: String,
    /// Bytes that it holds.
    pub bytes: u64,
    /// The system is on it. Others are looked at, and never written.
    pub system: bool,
    /// Bytes read since the start of the device.
    pub read_bytes: u64,
    /// Bytes written since the start of the device.
    pub written_bytes: u64,
    /// The same for a day, if it went on as it did so far; absent on the first day.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub written_bytes_a_day: Option<u64>,
    /// Errors that file systems found on it.
    pub file_system_errors: u64,
    /// What it says of itself; absent if it says nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wear: Option<Wear>,
    /// How it is connected; absent but for PCIe.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<Link>,
    /// What its owner should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Kinds of drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An SSD at PCIe.
    Nvme,
    /// A memory card.
    Sd,
    /// Memory that is soldered on.
    Emmc,
    /// At USB.
    Usb,
    /// Another one.
    Other,
}

/// What a drive says of its own life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wear {
    /// Share of its life that is used, in per cent; over 100 if it lives longer than its maker says.
    pub used_percent: u8,
    /// What is left of its spare blocks, in per cent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spare_percent: Option<u8>,
    /// Its own word that something is wrong.
    pub critical: Critical,
    /// Errors that it could not mend.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_errors: Option<u64>,
    /// How often its power went away without a word before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unsafe_shutdowns: Option<u64>,
    /// Hours that it was on in its life.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub power_on_hours: Option<u64>,
    /// Bytes written in its life.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub written_bytes_ever: Option<u64>,
    /// Years until its life is used up, if it goes on as so far; absent if that cannot be said yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub years_left: Option<f64>,
}

/// What a drive itself calls critical (NVM Express base specification, log page 02h, byte 0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "bits of a byte that hold independently")]
pub struct Critical {
    /// Its spare blocks are almost used up.
    pub spare: bool,
    /// It is too hot, or too cold.
    pub temperature: bool,
    /// It can no longer be relied on.
    pub reliability: bool,
    /// It takes no writes any more.
    pub read_only: bool,
}

/// A drive's connection to PCIe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// Gigatransfers a second.
    pub gigatransfers: f64,
    /// Lanes.
    pub lanes: u32,
    /// Errors of the connection, mended ones included.
    pub errors: u64,
}
