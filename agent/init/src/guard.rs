//! Ends a trial that nobody judges. A process of its own, started before systemd: it lives in the root control group, outlasts
//! whatever goes wrong in the new system, and resets the board when the trial's time is over. The agent ends it when it commits.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::reboot::{RebootMode, reboot};

use crate::{InitError, steps};
use tayberry_format::boot_report::GUARD;

/// The word that makes this program the guard.
const WORD: &str = "guard";
/// When a trial ends, since the kernel started: half a minute after the agent's own deadline.
const END: Duration = Duration::from_secs(330);

/// Starts it and leaves its process id.
pub(crate) fn start() -> Result<(), InitError> {
    let failed = || InitError::system("start the guard of the trial");
    let mut command = Command::new("/proc/self/exe");
    command.arg(WORD).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let guard = command.spawn().map_err(failed())?;
    fs::write(GUARD, guard.id().to_string()).map_err(failed())
}

/// Whether this process was started as the guard. The kernel hands words of its command line to process 1, so that one never is.
pub(crate) fn is_wanted() -> bool {
    std::process::id() != 1 && std::env::args().nth(1).as_deref() == Some(WORD)
}

/// Waits for the end, and resets the board.
pub(crate) fn watch() -> ! {
    let passed = Duration::from_millis(steps::milliseconds());
    #[allow(clippy::disallowed_methods, reason = "waiting is all that the guard does")]
    std::thread::sleep(END.saturating_sub(passed));
    steps::say("the trial was not judged in time. Rebooting.");
    nix::unistd::sync();
    let Err(errno) = reboot(RebootMode::RB_AUTOBOOT);
    steps::say(&format!("cannot reboot: {errno}"));
    loop {
        std::thread::park();
    }
}
