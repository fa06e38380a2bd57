//! The agent on the device. `device` looks and acts, `loops` repeat, `service` speaks D-Bus, decisions are in
//! `tayberry-core`; `rescue` is the agent of a device whose system does not start. `device` never calls `loops` or `service`.

pub mod agent;
pub mod configure;
pub mod ctl;
pub mod desk;
pub mod device;
pub mod keeper;
pub mod live;
pub mod loops;
pub mod rescue;
pub mod service;
pub mod takeover;
pub mod update;
