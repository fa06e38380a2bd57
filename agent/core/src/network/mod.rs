//! Decisions about the network: which connections NetworkManager gets ([`profile`]), what to change about them
//! ([`plan`]), what is in reach ([`heard`]), a change on trial ([`trial`]), when the setup network is open ([`setup`]),
//! and why a network was not joined ([`reason`]).

pub mod heard;
pub mod plan;
pub mod profile;
pub mod reason;
pub mod setup;
pub mod trial;
