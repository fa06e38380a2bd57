//! Every decision of the agent, as pure functions of values, time included. No input or output here: the agent looks
//! and acts, this decides.

pub mod console;
pub mod data;
pub mod firmware;
pub mod limits;
pub mod network;
pub mod preseed;
pub mod render;
pub mod request;
pub mod settle;
pub mod status;
pub mod timing;
