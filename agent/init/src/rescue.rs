//! Rescue: this program as the first process of a larger initramfs, which the firmware takes when a slot did not come up. It finds
//! the disk without trusting a slot, opens the data partition if that has a key, and keeps `tayberryd rescue` running, which
//! does the rest. Nothing of a system partition is needed.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tayberry_format::boot_report::BootReport;
use tayberry_format::slot::Slot;

use crate::machine::Machine;
use crate::steps::Steps;
use crate::watchdog::{self, Watchdog};
use crate::{InitError, data, slot, steps, switch};

/// The agent; only the rescue system's initramfs has it.
const AGENT: &str = "/usr/lib/tayberry/tayberryd";
/// How often the watchdog is fed, and the agent looked after: well below the 15 s of a Pi 5.
const LOOK: Duration = Duration::from_secs(2);

/// Whether this is the rescue system's initramfs.
pub(crate) fn is_wanted() -> bool {
    Path::new(AGENT).exists()
}

/// Serves for as long as the board is on.
pub(crate) fn serve(
    machine: &Machine,
    mut steps: Steps,
    watchdog: Option<Watchdog>,
) -> Result<Infallible, InitError> {
    let disk = slot::disk(machine)?;
    watchdog::feed(watchdog.as_ref());
    steps.done("disk");
    let data = data::open(&disk, data::Wish::Existing, watchdog.as_ref());
    steps.done("data");
    if let Some(id) = data.machine_id {
        fs::create_dir_all("/etc").map_err(InitError::system("/etc"))?;
        fs::write("/etc/machine-id", format!("{id}\n")).map_err(InitError::system("/etc/machine-id"))?;
    }
    let report = BootReport {
        slot: machine.slot.unwrap_or(Slot::A),
        disk,
        root_hash: machine.root_hash,
        data: data.state,
        steps: steps.finish(),
    };
    switch::leave(&report)?;
    look_after(watchdog)
}

/// Starts the agent, and again whenever it ends; feeds the watchdog and buries what died.
fn look_after(mut watchdog: Option<Watchdog>) -> ! {
    let mut agent = start();
    loop {
        if !watchdog::feed(watchdog.as_ref()) {
            watchdog = None;
        }
        // Whatever the agent left behind is a child of process 1, too.
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match status.pid() {
                None => break,
                died if died == agent => {
                    steps::say(&format!("the rescue agent ended ({status:?}); it is started again"));
                    agent = None;
                    end_all();
                }
                Some(_) => {}
            }
        }
        agent = agent.or_else(start);
        #[allow(clippy::disallowed_methods, reason = "process 1 has nothing else to wait for")]
        std::thread::sleep(LOOK);
    }
}

/// Ends what the agent left behind: its front would keep the ports. Signals to all spare process 1 (kill(2)).
fn end_all() {
    match kill(Pid::from_raw(-1), Signal::SIGKILL) {
        // There was nobody.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => steps::say(&format!("what the rescue agent left behind cannot be ended: {errno}")),
    }
}

fn start() -> Option<Pid> {
    match Command::new(AGENT).arg("rescue").spawn() {
        Ok(child) => i32::try_from(child.id()).ok().map(Pid::from_raw),
        Err(error) => {
            steps::say(&format!("{AGENT}: {error}"));
            None
        }
    }
}
