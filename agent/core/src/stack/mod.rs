//! The stack: which containers run, from a compose file to the units that Podman's generator reads. Pulling images, starting units
//! and looking at them is left to the agent.

mod check;
pub mod compose;
pub mod doctor;
pub mod env_file;
pub mod gateway;
pub mod health;
pub mod images;
pub mod plan;
pub mod quadlet;
mod quoting;
pub mod record;
pub mod refusal;
pub mod registry;
pub mod secret;
pub mod side;
pub mod values;

pub use compose::Stack;
pub use refusal::Refusal;
