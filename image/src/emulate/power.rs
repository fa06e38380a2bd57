//! The power loop: firmware model, QEMU, and what survives between two boots.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tayberry_firmware::{Board, Boot, Medium, ResetState};
use tayberry_format::header::BUTTON;

use crate::emulate::board::{Exit, Spec};
use crate::emulate::command::Command;
use crate::emulate::device_tree::{self, PSTORE_BYTES, pstore_address};
use crate::emulate::firmware_port::{self, Mailbox, THROTTLED_NOW, TRY_ONCE};
use crate::emulate::qemu::{self, Loaded};
use crate::emulate::qmp::Qmp;
use crate::emulate::recorded::{self, Torn};
use crate::emulate::saved;
use crate::emulate::{EmulateError, at};
use crate::tools::Tools;

/// Largest file that the firmware loads, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// The watchdog's seconds until systemd takes over; the 15 of a Pi 5 pass before that on a busy machine, and a healthy
/// device would be reset.
const WATCHDOG: &str = "tayberry.watchdog=120";

/// Asks the emulator's units for radios and neighbours (tayberry-emulator-air.service).
const AIR: &str = " tayberry.air";

/// One boot, as the firmware decided it.
#[derive(Debug, Clone)]
pub struct BootRecord {
    /// Disk that was booted.
    pub medium: Medium,
    /// The verdict.
    pub boot: Boot,
}

/// What other threads see.
#[derive(Default)]
pub struct Shared {
    /// All boots so far.
    pub boots: Vec<BootRecord>,
    /// How the boots ended, in their order.
    pub exits: Vec<Exit>,
    /// State behind the firmware's mailbox.
    pub mailbox: Arc<Mutex<Mailbox>>,
    /// The board is on.
    pub on: bool,
    /// What the last power cut tore.
    pub torn: Option<Torn>,
    /// Why the emulator ended, if it failed.
    pub failure: Option<String>,
}

/// The board with its memory of earlier boots.
pub struct Power<'a> {
    /// The tools of the lock.
    pub tools: &'a Tools,
    /// What to start.
    pub spec: &'a Spec,
    /// What other threads see.
    pub shared: &'a Arc<Mutex<Shared>>,
    reset: ResetState,
    pstore: Option<PathBuf>,
    /// The saved board that goes on at the next boot.
    resume: Option<PathBuf>,
    tear: Option<Option<u64>>,
    cable: bool,
}

enum Signal {
    Command(Command),
    Event(String, Value),
}

impl<'a> Power<'a> {
    /// A board that was without power.
    #[must_use]
    pub fn new(tools: &'a Tools, spec: &'a Spec, shared: &'a Arc<Mutex<Shared>>) -> Self {
        Self {
            tools,
            spec,
            shared,
            reset: ResetState::default(),
            pstore: None,
            resume: spec.resume.clone(),
            tear: None,
            cable: spec.cable,
        }
    }

    fn share<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        change(&mut self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn mailbox<T>(&self, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        let mailbox = self.share(|shared| Arc::clone(&shared.mailbox));
        change(&mut mailbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Boots, runs and reboots until told to quit.
    ///
    /// # Errors
    /// When the firmware boots nothing, or QEMU fails.
    pub fn run(mut self, commands: Receiver<Command>) -> Result<(), EmulateError> {
        let base = self.spec.file("virt.dtb");
        qemu::dump_device_tree(self.tools, self.spec, &base)?;
        let (signal, signals) = channel();
        let forward = signal.clone();
        std::thread::spawn(move || {
            for command in commands {
                if forward.send(Signal::Command(command)).is_err() {
                    break;
                }
            }
        });
        loop {
            self.share(|shared| shared.on = true);
            let mut loaded = self.firmware(&base)?;
            if let Some(saved) = self.resume.take() {
                // It was booted by the same firmware from the same disk, and nothing waits for its first word.
                let mailbox = saved::mailbox(&saved)?;
                self.mailbox(|now| *now = mailbox);
                loaded = Loaded { memory: Some(saved.join(saved::MEMORY)), watchdog: None, ..loaded };
            }
            let exit = self.one_boot(&loaded, &signal, &signals)?;
            self.share(|shared| {
                shared.exits.push(exit);
                shared.on = exit.is_warm();
            });
            match exit {
                Exit::Quit => return Ok(()),
                Exit::Reset | Exit::Watchdog => {
                    let flags = self.mailbox(|mailbox| std::mem::take(&mut mailbox.reboot_flags));
                    self.reset.try_once = flags & TRY_ONCE != 0;
                    // The guest may have set the register.
                    self.reset.boot_count = self.mailbox(|mailbox| mailbox.boot_count);
                }
                Exit::Off | Exit::Cut | Exit::Saved => {
                    self.forget();
                    self.mailbox(|mailbox| mailbox.rtc.lose_power());
                    if !wait_for_power(&signals, &mut self.cable) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Without power, registers and memory are empty.
    fn forget(&mut self) {
        self.reset = ResetState::default();
        self.pstore = None;
        self.mailbox(|mailbox| {
            mailbox.reboot_flags = 0;
            mailbox.throttled &= THROTTLED_NOW;
        });
    }

    /// The firmware's part: tries each disk, loads the files, writes the device tree.
    fn firmware(&mut self, base: &Path) -> Result<Loaded, EmulateError> {
        let mut reasons = Vec::new();
        for drive in &self.spec.drives {
            let disk = std::fs::File::open(&drive.path).map_err(at(&drive.path))?;
            // Pulled up after reset (BCM2835 ARM Peripherals, table 6-31; kept since); a button leads to ground.
            let gpio = [(BUTTON, !self.mailbox(|mailbox| mailbox.button_held))].into();
            let stepping = self.spec.stepping;
            let board = Board { medium: drive.medium, stepping, gpio, ..Board::default() };
            match tayberry_firmware::boot(&disk, &board, &self.reset) {
                Ok(boot) => {
                    let loaded = self.load(&disk, &boot, drive.medium, base)?;
                    self.reset = boot.reset_after;
                    self.mailbox(|mailbox| mailbox.boot_count = boot.reset_after.boot_count);
                    self.share(|shared| shared.boots.push(BootRecord { medium: drive.medium, boot }));
                    return Ok(loaded);
                }
                Err(error) => reasons.push(format!("{:?}: {error}", drive.medium)),
            }
        }
        Err(EmulateError::NoBoot(reasons.join("; ")))
    }

    fn load(
        &self,
        disk: &std::fs::File,
        boot: &Boot,
        medium: Medium,
        base: &Path,
    ) -> Result<Loaded, EmulateError> {
        let kernel = self.spec.file("kernel");
        std::fs::write(&kernel, boot.read(disk, &boot.kernel, MAX_FILE)?).map_err(at(&kernel))?;
        let initramfs = self.spec.file("initramfs");
        let mut parts = Vec::new();
        if let Some(other) = &self.spec.initramfs {
            parts.extend(std::fs::read(other).map_err(at(other))?);
        } else {
            for file in &boot.initramfs {
                parts.extend(boot.read(disk, file, MAX_FILE)?);
            }
        }
        if let Some(guest) = &self.spec.guest {
            parts.extend(std::fs::read(guest).map_err(at(guest))?);
        }
        std::fs::write(&initramfs, parts).map_err(at(&initramfs))?;
        let device_tree = self.spec.file("board.dtb");
        device_tree::write(self.tools, self.spec, base, &device_tree, boot, medium)?;
        let air = self.spec.air.map_or("", |_| AIR);
        let cmdline = format!("{} {WATCHDOG}{air} {}", serial_console(&boot.cmdline), self.spec.cmdline);
        let watchdog = boot.kernel_watchdog_timeout.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Loaded {
            kernel,
            initramfs,
            device_tree,
            cmdline,
            pstore: self.pstore.clone(),
            memory: None,
            watchdog,
        })
    }

    /// One run of QEMU.
    fn one_boot(
        &mut self,
        loaded: &Loaded,
        signal: &Sender<Signal>,
        signals: &Receiver<Signal>,
    ) -> Result<Exit, EmulateError> {
        recorded::begin(&self.spec.drives)?;
        let mut child = qemu::start(self.tools, self.spec, loaded)?;
        // Only a system that opens the emulator's ports can show that it came up.
        let shows = self.spec.guest.is_some() && !self.spec.anonymous && self.spec.initramfs.is_none();
        let patience = loaded.watchdog.filter(|_| shows);
        let outcome = self.supervise(&mut child, patience, signal, signals);
        // Whatever happened, QEMU must be gone before its disks are looked at. One that ended already is no error.
        child.kill().or_else(|_| child.try_wait().map(drop)).map_err(at("qemu"))?;
        child.wait().map_err(at("qemu"))?;
        if let Some(keep) = self.tear.take() {
            let torn = recorded::tear_all(&self.spec.drives, keep)?;
            self.share(|shared| shared.torn = torn);
        }
        outcome
    }

    fn supervise(
        &mut self,
        child: &mut Child,
        patience: Option<Duration>,
        signal: &Sender<Signal>,
        signals: &Receiver<Signal>,
    ) -> Result<Exit, EmulateError> {
        let (event, events) = channel();
        let forward = signal.clone();
        std::thread::spawn(move || {
            for (name, data) in events {
                if forward.send(Signal::Event(name, data)).is_err() {
                    return;
                }
            }
            // A board that has become another one by now ignores this.
            drop(forward.send(Signal::Event("GONE".into(), Value::Null)));
        });
        let log = self.spec.file("qemu.log");
        let ended = || EmulateError::QemuEnded(std::fs::read_to_string(&log).unwrap_or_default());
        let mut alive = || child.try_wait().is_ok_and(|status| status.is_none());
        let mut qmp = Qmp::connect(&self.spec.file("qmp"), &mut alive, event)
            .map_err(|error| if alive() { error } else { ended() })?;
        self.serve_mailbox()?;
        if !self.cable {
            cable(&mut qmp, false)?;
        }
        let mut watchdog = false;
        // The firmware's watchdog resets the board until a program of the guest's has taken over.
        let mut reset = patience.map(|patience| Instant::now() + patience);
        while let Some(one) = next(signals, reset)? {
            match one {
                Signal::Command(command) => {
                    if let Some(exit) = self.obey(command, &mut qmp)? {
                        return Ok(exit);
                    }
                }
                Signal::Event(name, data) => match (name.as_str(), data["reason"].as_str()) {
                    ("WATCHDOG", _) => watchdog = true,
                    ("VSERPORT_CHANGE", _) => reset = None,
                    ("SHUTDOWN", Some("guest-shutdown" | "host-signal")) => return Ok(Exit::Off),
                    ("SHUTDOWN", _) => {
                        self.keep_memory(&mut qmp)?;
                        return Ok(if watchdog { Exit::Watchdog } else { Exit::Reset });
                    }
                    ("GONE", _) if !alive() => return Err(ended()),
                    _ => {}
                },
            }
        }
        self.keep_memory(&mut qmp)?;
        Ok(Exit::Watchdog)
    }

    /// Does to the running board what was asked for; says how that ended it, if it did.
    fn obey(&mut self, command: Command, qmp: &mut Qmp) -> Result<Option<Exit>, EmulateError> {
        match command {
            Command::Cut => return Ok(Some(Exit::Cut)),
            Command::Quit => return Ok(Some(Exit::Quit)),
            Command::Tear(keep) => {
                self.tear = Some(keep);
                return Ok(Some(Exit::Cut));
            }
            Command::Save => {
                saved::save(qmp, &self.spec.run, &self.mailbox(|mailbox| mailbox.clone()))?;
                return Ok(Some(Exit::Saved));
            }
            Command::PowerOn => {}
            Command::Cable(plugged) => {
                self.cable = plugged;
                cable(qmp, plugged)?;
            }
            Command::Smart(bits) => {
                let drive = format!("/machine/peripheral/{}", qemu::NVME);
                let set = json!({ "path": drive, "property": "smart_critical_warning", "value": bits });
                drop(qmp.execute("qom-set", &set)?);
            }
            Command::PowerButton | Command::ShutDown => {
                drop(qmp.execute("system_powerdown", &json!({}))?);
            }
        }
        Ok(None)
    }

    /// Answers the guest's property buffers until QEMU closes the port.
    fn serve_mailbox(&self) -> Result<(), EmulateError> {
        let path = self.spec.file(qemu::PORTS[0]);
        let port = std::os::unix::net::UnixStream::connect(&path).map_err(at(path))?;
        let mailbox = self.share(|shared| Arc::clone(&shared.mailbox));
        std::thread::spawn(move || firmware_port::serve(&port, &mailbox));
        Ok(())
    }

    /// A warm reset leaves the memory as it is: the kernel's last words are read back at the next boot.
    fn keep_memory(&mut self, qmp: &mut Qmp) -> Result<(), EmulateError> {
        let path = self.spec.file("pstore");
        let address = pstore_address(self.spec.memory);
        qmp.execute("pmemsave", &json!({ "val": address, "size": PSTORE_BYTES, "filename": path }))?;
        self.pstore = Some(path);
        Ok(())
    }
}

/// The next signal; none if there was none until `end`.
fn next(signals: &Receiver<Signal>, end: Option<Instant>) -> Result<Option<Signal>, EmulateError> {
    let Some(end) = end else { return signals.recv().map(Some).map_err(|_| EmulateError::Ended) };
    match signals.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(signal) => Ok(Some(signal)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(EmulateError::Ended),
    }
}

fn cable(qmp: &mut Qmp, plugged: bool) -> Result<(), EmulateError> {
    qmp.execute("set_link", &json!({ "name": qemu::CABLE, "up": plugged })).map(drop)
}

/// The virtual board has its serial port where a Pi 5 has the first of several; a console that the driver does not have
/// would switch off the others.
fn serial_console(cmdline: &str) -> String {
    let words = cmdline.split_ascii_whitespace();
    let renamed = words.map(|word| if word.starts_with("console=ttyAMA") { "console=ttyAMA0" } else { word });
    renamed.collect::<Vec<_>>().join(" ")
}

/// Waits until somebody switches the board on; false when the emulator is to end.
fn wait_for_power(signals: &Receiver<Signal>, cable: &mut bool) -> bool {
    for one in signals {
        match one {
            Signal::Command(Command::PowerOn | Command::PowerButton) => return true,
            Signal::Command(Command::Quit) => return false,
            Signal::Command(Command::Cable(plugged)) => *cable = plugged,
            Signal::Command(
                Command::Cut | Command::ShutDown | Command::Tear(_) | Command::Save | Command::Smart(_),
            )
            | Signal::Event(..) => {}
        }
    }
    false
}
