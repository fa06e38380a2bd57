//! Networks: what there is, and changes on trial.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tayberry_format::preseed::{Country, Ssid, WifiPassword};
use utoipa::ToSchema;

/// Interfaces, and the wireless networks in reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// Wired and wireless interfaces.
    pub interfaces: Vec<Interface>,
    /// Networks in reach, the strongest first; empty without a radio.
    pub wifi: Vec<WifiNetwork>,
    /// The wireless network that the device is meant to be in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub wanted_wifi: Option<Ssid>,
    /// A change that reverts by itself unless it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trial: Option<Trial>,
    /// Why the last change since the start was not kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<JoinFailure>,
}

/// Why a wireless network was not joined, or not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinFailure {
    /// The password is another one.
    WrongPassword,
    /// It is no open network.
    PasswordNeeded,
    /// It is not in reach.
    NotFound,
    /// It gives no address.
    NoAddress,
    /// It does not let the device in.
    Refused,
    /// The device has no radio.
    NoRadio,
    /// Nobody confirmed it in time.
    NotConfirmed,
    /// Something else; the journal has it.
    Other,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interface {
    /// Kernel name.
    pub name: String,
    /// Wired or wireless.
    pub kind: InterfaceKind,
    /// Whether there is a cable, or a network is joined.
    pub connected: bool,
    /// Its addresses.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
}

/// Kinds of interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// Wired.
    Ethernet,
    /// Wireless.
    Wifi,
}

/// A wireless network in reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WifiNetwork {
    /// Its name.
    #[schema(value_type = String)]
    pub ssid: Ssid,
    /// Strength, in percent.
    #[schema(minimum = 0, maximum = 100)]
    pub strength: u8,
    /// Whether it wants a password.
    pub secured: bool,
    /// Whether the device is in it.
    pub joined: bool,
}

/// The network to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WifiChoice {
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 32)]
    pub ssid: Ssid,
    /// Its password; none for an open network.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 8, max_length = 64)]
    pub password: Option<WifiPassword>,
    /// Where the device stands.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$")]
    pub country: Option<Country>,
}

/// A change on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    /// To be sent back from the new network.
    pub id: String,
    /// Seconds until the network is as it was.
    pub reverts_in_s: u64,
    /// Addresses of the device in the new network, as far as they are known.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
}

/// The trial is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Of the [`Trial`].
    #[schema(max_length = 64)]
    pub id: String,
}
