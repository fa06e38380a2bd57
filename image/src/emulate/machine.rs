//! A running virtual Pi 5, to be driven by tests and by `tayberry emulate`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::emulate::board::{Exit, Spec};
use crate::emulate::command::Command;
use crate::emulate::firmware_port::Mailbox;
use crate::emulate::power::{BootRecord, Power, Shared};
use crate::emulate::recorded::Torn;
use crate::emulate::{EmulateError, at, console};
use crate::tools::Tools;

/// How often a state is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(50);

/// A virtual Pi 5. Dropped, it goes off at once.
pub struct Machine {
    spec: Spec,
    shared: Arc<Mutex<Shared>>,
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
    /// Its other end goes when the thread does.
    running: watch::Receiver<()>,
    stop_console: Arc<AtomicBool>,
    console: Option<JoinHandle<()>>,
}

impl Machine {
    /// Switches the board on. Returns as soon as the emulator runs; use the `wait_…` functions.
    ///
    /// # Errors
    /// When the run folder cannot be made.
    pub fn start(tools: Tools, spec: Spec) -> Result<Self, EmulateError> {
        std::fs::create_dir_all(&spec.run).map_err(at(&spec.run))?;
        let log = spec.file("console.log");
        // A board that goes on adds to what its screen showed.
        let mut begun = std::fs::OpenOptions::new();
        begun.create(true).write(true).truncate(spec.resume.is_none());
        begun.open(&log).map_err(at(&log))?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (commands, received) = channel();
        let stop_console = Arc::new(AtomicBool::new(false));
        let console = spec.show_console.then(|| console::show(log, Arc::clone(&stop_console)));
        let (thread_spec, thread_shared) = (spec.clone(), Arc::clone(&shared));
        let (alive, running) = watch::channel(());
        let thread = std::thread::spawn(move || {
            let _alive = alive;
            if let Err(error) = Power::new(&tools, &thread_spec, &thread_shared).run(received) {
                lock(&thread_shared).failure = Some(error.to_string());
            }
        });
        Ok(Self { spec, shared, commands, thread: Some(thread), running, stop_console, console })
    }

    /// What was started.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Sends a command to the board.
    ///
    /// # Errors
    /// When the emulator has ended; says why.
    pub fn command(&self, command: Command) -> Result<(), EmulateError> {
        self.commands.send(command).map_err(|_| self.failure())
    }

    fn failure(&self) -> EmulateError {
        lock(&self.shared).failure.clone().map_or(EmulateError::Ended, EmulateError::QemuEnded)
    }

    /// All boots so far, as the firmware decided them.
    #[must_use]
    pub fn boots(&self) -> Vec<BootRecord> {
        lock(&self.shared).boots.clone()
    }

    /// How the boots so far ended.
    #[must_use]
    pub fn exits(&self) -> Vec<Exit> {
        lock(&self.shared).exits.clone()
    }

    /// Whether the board is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        lock(&self.shared).on && !self.has_ended()
    }

    /// What the last [`Command::Tear`] tore.
    #[must_use]
    pub fn torn(&self) -> Option<Torn> {
        lock(&self.shared).torn
    }

    /// Looks at or changes what the firmware's mailbox answers.
    pub fn mailbox<T>(&self, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        let mailbox = Arc::clone(&lock(&self.shared).mailbox);
        change(&mut mailbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the serial console shows `text` behind byte `from`; returns the byte behind it.
    ///
    /// # Errors
    /// When it does not come in time, or the emulator ended.
    pub fn wait_console(&self, from: u64, text: &str, patience: Duration) -> Result<u64, EmulateError> {
        let deadline = Instant::now() + patience;
        let slice = Duration::from_secs(1);
        loop {
            match console::wait_for(&self.spec.file("console.log"), from, text, slice) {
                Ok(at) => return Ok(at),
                Err(_) if !self.has_ended() && Instant::now() < deadline => {}
                Err(_) if self.has_ended() => return Err(self.failure()),
                Err(_) => {
                    let what =
                        format!("{text:?} on the console ({})", self.spec.file("console.log").display());
                    return Err(EmulateError::Timeout { what, seconds: patience.as_secs() });
                }
            }
        }
    }

    /// Waits until so many boots have ended.
    ///
    /// # Errors
    /// When they do not end in time, or the emulator ended.
    pub fn wait_exits(&self, count: usize, patience: Duration) -> Result<Vec<Exit>, EmulateError> {
        let what = format!("the end of boot {count}");
        self.wait(&what, patience, || Some(self.exits()).filter(|exits| exits.len() >= count))
    }

    /// Waits until the board is on, or off.
    ///
    /// # Errors
    /// When that does not happen in time, or the emulator ended.
    pub fn wait_power(&self, on: bool, patience: Duration) -> Result<(), EmulateError> {
        let what = format!("power {}", if on { "on" } else { "off" });
        self.wait(&what, patience, || (self.is_on() == on).then_some(()))
    }

    fn wait<T>(
        &self,
        what: &str,
        patience: Duration,
        look: impl Fn() -> Option<T>,
    ) -> Result<T, EmulateError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(seen) = look() {
                return Ok(seen);
            }
            if self.has_ended() {
                return Err(self.failure());
            }
            if Instant::now() > deadline {
                return Err(EmulateError::Timeout { what: what.to_owned(), seconds: patience.as_secs() });
            }
            #[allow(clippy::disallowed_methods, reason = "polls a state with a deadline")]
            std::thread::sleep(POLL);
        }
    }

    /// Path of a port's socket on this machine.
    #[must_use]
    pub fn port(&self, name: &str) -> PathBuf {
        self.spec.file(name)
    }

    /// Whether the emulator has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until the emulator has ended by itself.
    pub async fn ended(&self) {
        // Nothing is ever sent: the wait ends with the sender.
        while self.running.clone().changed().await.is_ok() {}
    }

    /// Why the emulator ended, if it failed.
    #[must_use]
    pub fn why_ended(&self) -> Option<String> {
        lock(&self.shared).failure.clone()
    }

    /// Switches the board off at once and waits until nothing runs any more.
    ///
    /// # Errors
    /// When the emulator failed before.
    pub fn stop(mut self) -> Result<(), EmulateError> {
        self.end();
        lock(&self.shared).failure.clone().map_or(Ok(()), |why| Err(EmulateError::QemuEnded(why)))
    }

    fn end(&mut self) {
        // An emulator that has ended does not hear this, and need not.
        self.commands.send(Command::Quit).unwrap_or_default();
        for thread in [self.thread.take(), {
            self.stop_console.store(true, Ordering::Relaxed);
            self.console.take()
        }] {
            // A thread that panicked has nothing more to say.
            drop(thread.map(JoinHandle::join));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
