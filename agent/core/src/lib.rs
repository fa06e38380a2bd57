//! Every decision of the agent, as pure functions of values, time included. No input or output here: the agent looks
//! and acts, this decides.

pub mod access;
pub mod app_token;
pub mod button;
pub mod card;
pub mod certificate;
pub mod clock;
pub mod console;
pub mod data;
pub mod disk;
pub mod domain;
pub mod firmware;
pub mod health;
pub mod imager;
pub mod led;
pub mod limits;
pub mod network;
pub mod one_time;
pub mod password;
pub mod power_key;
pub mod preseed;
pub mod profile;
pub mod recovery;
pub mod render;
pub mod replace;
pub mod request;
pub mod rescue;
pub mod session;
pub mod settle;
pub mod setup;
pub mod stack;
pub mod status;
pub mod thermal;
pub mod timing;
pub mod tokens;
pub mod update;
