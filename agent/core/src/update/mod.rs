//! Updates: every decision, from the offered version to the commit. Fetching, writing and rebooting are left to the agent.
//!
//! An update goes `Accepted -> Writing -> Staged -> Armed -> (reboot, or live switch) Trial -> Committing -> committed`, and from each of these
//! back to what runs, with the reason. [`record`] holds where it is and is saved before anything is done about it; what is to
//! be done follows from it, and may be done twice.

pub mod evidence;
pub mod gate;
pub mod judge;
pub mod offer;
pub mod plan;
pub mod progress;
pub mod reason;
pub mod record;
pub mod repair;
pub mod speed;
