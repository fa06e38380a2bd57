//! The first process of the initramfs. Static, alone, without a shell: opens the verified system partition of the
//! slot that the firmware booted, prepares the data partition, and hands over to systemd.
//!
//! In the larger initramfs of the rescue system it stays, see [`rescue`].
//!
//! Any failure ends in one sentence on the console and a reboot: out of a trial the firmware then boots the
//! committed slot, because the try-once flag is spent.

mod block;
mod counter;
mod crypt;
mod data;
mod emulator;
mod erase;
mod guard;
mod machine;
mod modules;
mod mounts;
mod rescue;
mod slot;
mod steps;
mod switch;
mod watchdog;

use std::convert::Infallible;

use tayberry_format::boot_report::BootReport;

use crate::machine::Machine;
use crate::steps::Steps;

/// Why the system cannot be started.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("{what}: {error}")]
    System { what: String, error: std::io::Error },
    #[error(transparent)]
    Cmdline(#[from] tayberry_format::cmdline::CmdlineError),
    #[error(
        "slot {slot} was not found within {seconds} s on the disk that the firmware booted ({wanted}): {seen}"
    )]
    NoSlot { slot: String, wanted: &'static str, seconds: u64, seen: String },
    #[error("no disk with Tayberry's partitions appeared within {seconds} s ({wanted})")]
    NoDisk { wanted: &'static str, seconds: u64 },
    #[error("the firmware did not say which partition it booted, and no system partition has root hash {0}")]
    UnknownSlot(String),
}

impl InitError {
    fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::System { what: what.into(), error }
    }
}

fn run() -> Result<Infallible, InitError> {
    let mut steps = Steps::default();
    steps.done("kernel");
    mounts::early()?;
    let machine = Machine::look()?;
    modules::load("/modules.list", &machine)?;
    let watchdog = watchdog::start(&machine);
    steps.done("modules");
    if rescue::is_wanted() {
        return rescue::serve(&machine, steps, watchdog);
    }
    let opened = slot::find(&machine)?;
    steps.done("disk");
    if counter::count(&machine, &opened, watchdog.as_ref()) {
        switch::reboot_after(std::time::Duration::ZERO);
    }
    let data = data::open(&opened.disk, data::Wish::Made, watchdog.as_ref());
    steps.done("data");
    mounts::system(&block::path(&opened.verify(machine.root_hash)?))?;
    steps.done("system");
    emulator::apply(&machine)?;
    let report = BootReport {
        slot: opened.slot,
        disk: opened.disk,
        root_hash: machine.root_hash,
        data: data.state,
        steps: steps.finish(),
    };
    switch::hand_over(&report, data.machine_id.as_deref(), machine.trial)
}

fn main() {
    if guard::is_wanted() {
        guard::watch();
    }
    let Err(error) = run();
    steps::say(&format!("cannot start this slot: {error}. Rebooting in 10 seconds."));
    switch::reboot_after(std::time::Duration::from_secs(10));
}
