//! The journeys in the virtual Raspberry Pi 5. One program: each of its own would be linked with all of the project again.

mod boot;
mod browser;
mod build;
mod button;
mod console;
mod crash;
mod crash_replay;
mod damage;
mod decay;
mod domain;
mod emulate;
mod hardware;
mod network;
mod openapi;
mod own_stack;
mod power_cut;
mod preseed;
mod pull;
mod rescue;
mod reset;
mod setup;
mod stack;
mod thermal;
mod update;
mod vcio;
mod workstation;
