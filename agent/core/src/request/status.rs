//! What the status page shows.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The device at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Host name, without `.local`.
    pub name: String,
    /// Version of the operating system.
    pub version: String,
    /// Slot that runs, `A` or `B`.
    pub slot: String,
    /// Slot that the firmware boots next; absent when it boots none of ours.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_slot: Option<String>,
    /// `committed`, `trial`, `reboot changes slot` or `no default slot`.
    pub state: String,
    /// The verdict in one word.
    pub health: Health,
    /// What the owner should know, one sentence each.
    pub notices: Vec<String>,
    /// Addresses under which the device answers.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
    /// Temperature of the processor in degrees Celsius; absent where nothing measures it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub temperature_c: Option<f64>,
    /// Seconds since the kernel started.
    pub uptime_s: u64,
    /// The device's time, in seconds since 1970.
    pub now: i64,
    /// Where the time came from.
    pub time: TimeSource,
    /// Room on the data partition.
    pub data: Room,
    /// Memory.
    pub memory: Room,
    /// Average number of waiting or running processes over the last minute.
    pub load: f64,
    /// What happened last; absent when nothing did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_event: Option<Event>,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing to do.
    Good,
    /// The notices say what to look at.
    Attention,
}

/// Where the time came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// Unknown: it began with the date of the build.
    Build,
    /// The claiming browser.
    Browser,
    /// The device's own clock.
    Clock,
    /// Time servers.
    Network,
}

/// Room, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Room {
    /// All of it.
    pub total: u64,
    /// What is left.
    pub free: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What.
    pub kind: EventKind,
    /// From where, if over the network.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub from: Option<IpAddr>,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The device started.
    Started,
    /// Setup ended.
    Claimed,
    /// The owner signed in.
    SignedIn,
    /// A sign-in was refused.
    SignInRefused,
    /// The password was changed.
    PasswordChanged,
    /// Settings were changed.
    SettingsChanged,
    /// A network change was kept.
    NetworkChanged,
    /// A network change was not confirmed in time and was undone.
    NetworkReverted,
    /// A token was made.
    TokenCreated,
    /// A token was ended.
    TokenRevoked,
    /// A bundle was handed in.
    UpdateReceived,
    /// The restart into an update was asked for.
    UpdateRestart,
    /// What the repository offers was asked for.
    UpdateInstall,
    /// The way back to the system that ran before was asked for.
    RollBack,
    /// Another stack was declared, or none.
    StackChanged,
    /// Secrets of the stack were made anew.
    SecretsRenewed,
    /// What a service kept was removed.
    VolumeRemoved,
    /// An image that no stack has was removed.
    ImageRemoved,
    /// Images for the stack were handed in.
    ImagesLoaded,
    /// Another registry is believed, or one is not any more.
    RegistryTrusted,
    /// Another domain is wished, or none.
    DomainChanged,
}
