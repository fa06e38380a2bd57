//! Every reading at one moment. Counters begin at the start of the device, unless they say otherwise; rates are left to whoever asks twice.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::Room;
use crate::disk::Drive;

/// The device's readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Metrics {
    /// The device's time, in seconds since 1970.
    pub at: i64,
    /// Seconds since the kernel started.
    pub uptime_s: u64,
    /// Version of the operating system.
    pub version: String,
    /// The processor.
    pub processor: Processor,
    /// Memory.
    pub memory: Room,
    /// Room on the data partition.
    pub data: Room,
    /// What turns the fan, and how fast; absent until it was decided for the first time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cooling: Option<Cooling>,
    /// The supply; absent where the firmware cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supply: Option<Supply>,
    /// The clock that goes on while the device is off; absent where the firmware knows none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock: Option<KeptClock>,
    /// Drives, the one with the system first.
    pub drives: Vec<Drive>,
    /// Networks.
    pub networks: Vec<NetworkUse>,
    /// Services of the system and of the stack.
    pub services: Vec<ServiceUse>,
}

/// The processor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Processor {
    /// Its cores.
    pub cores: u32,
    /// Seconds that they worked, all together.
    pub busy_s: f64,
    /// Average number of waiting or running processes over the last minute.
    pub load: f64,
}

/// Temperatures and the fan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cooling {
    /// What sensors said last.
    pub temperatures: Vec<Temperature>,
    /// How hard the fan is driven, in per cent.
    pub duty_percent: u8,
    /// How fast it turns; absent where nothing counts that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turns_per_minute: Option<u32>,
    /// What is wrong with a sensor or the fan, one sentence each. It turns fully as long as a sensor is not believed.
    pub doubts: Vec<String>,
}

/// A temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Temperature {
    /// Whose: `processor`, `nvme0` and so on.
    pub sensor: String,
    /// In degrees Celsius.
    pub celsius: f64,
}

/// The supply, as the firmware judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the firmware has four flags, each of which holds by itself"
)]
pub struct Supply {
    /// Too weak now.
    pub under_voltage: bool,
    /// The processor is slowed down now, for whatever reason.
    pub slowed: bool,
    /// Too weak at some time since the start.
    pub under_voltage_since_start: bool,
    /// Slowed down at some time since the start.
    pub slowed_since_start: bool,
}

/// The clock with the battery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptClock {
    /// Voltage of its battery.
    pub battery_volts: f64,
    /// The battery holds the time while the device is off.
    pub holds: bool,
}

/// What went through a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkUse {
    /// Its interface.
    pub interface: String,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
}

/// What a service uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceUse {
    /// Its unit, without `.service`.
    pub service: String,
    /// It is one of the stack's.
    pub stack: bool,
    /// Memory, files that are kept in it included.
    pub memory_bytes: u64,
    /// Seconds that the processor's cores worked for it.
    pub cpu_s: f64,
    /// Bytes read from the drive.
    pub read_bytes: u64,
    /// Bytes written to the drive.
    pub written_bytes: u64,
}
