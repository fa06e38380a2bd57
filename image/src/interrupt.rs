//! Ctrl-C and `kill`: noted, so that long work can end without harm.

use std::io;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;

/// Listens for the wish to end.
pub struct Interrupt(SignalFd);

impl Interrupt {
    /// From here on Ctrl-C and `kill` are noted instead of ending the process. To be called before any thread begins.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn listen() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// Waits for at most `patience`; true when somebody wished to end. Each wish is heard once.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> bool {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut ready, timeout).is_ok_and(|count| count > 0) && matches!(self.0.read_signal(), Ok(Some(_)))
    }
}
