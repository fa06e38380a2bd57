//! `tayberry emulate IMAGE`: boots an image in the virtual Pi 5 and shows its serial console.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tayberry_firmware::Medium;

use crate::commands::{CommandError, io};
use crate::emulate::board::{Drive, Spec};
use crate::emulate::command::Command;
use crate::emulate::control::socket::Control;
use crate::emulate::disk;
use crate::emulate::machine::Machine;
use crate::fetch::Cache;
use crate::files;
use crate::interrupt::Interrupt;
use crate::lock::Lock;
use crate::mirror::Mirror;
use crate::paths::Paths;
use crate::tools::Tools;
use crate::ui::Ui;

/// How long a guest may take to shut down after Ctrl-C. One that is still starting first has to get to where it hears
/// the power button.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a press of the power button is given before it is taken for lost: nobody in the guest listens until its
/// services run.
const PRESS: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tayberry emulate out/tayberry-0.1.0.img.zst\n  \
    tayberry emulate out/tayberry-0.1.0.img.zst --disk sd --forward 8443:443\n  \
    tayberry emulate --control /tmp/pi\n\n\
    Ctrl-C shuts the guest down; a second Ctrl-C pulls the plug. The image file is never changed.")]
pub struct Arguments {
    /// The image (default: the newest in out/)
    image: Option<PathBuf>,
    /// Kind of disk that the image is put on
    #[arg(long, value_enum, default_value_t = Kind::Nvme)]
    disk: Kind,
    /// Forward a port of this machine (loopback only) to the device
    #[arg(long, value_name = "HOST:DEVICE", value_parser = forward)]
    forward: Vec<(u16, u16)>,
    /// A port on this machine's loopback that the device reaches as 10.0.2.100:80, such as a repository of updates
    #[arg(long, value_name = "PORT")]
    outside: Option<u16>,
    /// Memory of the device in MiB
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u64).range(512..=16384))]
    memory: u64,
    /// Let `tayberry control` do things to the board through this socket
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Record every write and flush of the disk since the board was last switched on in this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End as soon as the console shows this text
    #[arg(long, value_name = "TEXT")]
    until: Option<String>,
}

/// Kinds of disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// NVMe drive
    Nvme,
    /// SD card
    Sd,
}

fn forward(text: &str) -> Result<(u16, u16), String> {
    let pair =
        text.split_once(':').and_then(|(host, device)| Some((host.parse().ok()?, device.parse().ok()?)));
    pair.ok_or_else(|| "write HOST:DEVICE, such as 8443:443".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the image is not ours, or the virtual Pi 5 fails.
pub fn run(arguments: &Arguments, paths: &Paths, ui: Ui) -> Result<(), CommandError> {
    let image = arguments.image.clone().map_or_else(|| newest(&paths.out()), Ok)?;
    let run =
        tempfile::Builder::new().prefix("emulate-").tempdir_in(cache(paths)?).map_err(io(&paths.cache))?;
    let path = run.path().join("disk.img");
    // Before the tools: nothing is downloaded for a file that is no image.
    disk::from_image(&image, &path, ui)?;
    let tools = ready_tools(&Lock::load(&paths.lock())?, paths, ui)?;
    let medium = match arguments.disk {
        Kind::Nvme => Medium::Nvme,
        Kind::Sd => Medium::Sd,
    };
    let mut spec = Spec::new(
        run.path().to_owned(),
        vec![Drive { record: arguments.record.clone(), ..Drive::new(medium, path) }],
    );
    spec.guest = guest_of(&image);
    spec.memory = arguments.memory;
    spec.forwards.clone_from(&arguments.forward);
    spec.outside = arguments.outside;
    spec.show_console = true;
    let interrupt = Interrupt::listen().map_err(io("signals"))?;
    for (host, device) in &spec.forwards {
        ui.say(format!("Port {device} of the device answers on 127.0.0.1:{host}"));
    }
    ui.say(format!("Serial console of the virtual Pi 5 ({}); Ctrl-C shuts it down.", image.display()));
    let control = arguments.control.as_deref().map(Control::listen).transpose()?;
    let machine = Machine::start(tools, spec)?;
    std::thread::scope(|scope| {
        let control = control.as_ref();
        control.map(|control| scope.spawn(|| control.serve(&machine)));
        let waited = wait(&machine, arguments.until.as_deref(), control, &interrupt);
        ui.say("Shutting the device down.");
        let ended = waited.and_then(|()| shut_down(&machine, &interrupt, ui));
        if let Some(control) = control {
            control.close();
        }
        ended
    })?;
    Ok(machine.stop()?)
}

/// The cache folder, which comes into being.
fn cache(paths: &Paths) -> Result<&Path, CommandError> {
    std::fs::create_dir_all(&paths.cache).map_err(io(&paths.cache))?;
    Ok(&paths.cache)
}

/// Waits until there is a reason to end: the emulator ended, a person or the control socket wishes it, or the console
/// shows `text`.
fn wait(
    machine: &Machine,
    text: Option<&str>,
    control: Option<&Control>,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    while !machine.has_ended()
        && !control.is_some_and(Control::has_ended)
        && !interrupt.wait(Duration::from_millis(200))
    {
        let Some(text) = text else { continue };
        match machine.wait_console(0, text, Duration::from_secs(1)) {
            Err(crate::emulate::EmulateError::Timeout { .. }) => {}
            other => return Ok(other.map(drop)?),
        }
    }
    Ok(())
}

/// Asks the guest to shut down until it does; gives up when it takes too long or the person asks again.
fn shut_down(machine: &Machine, interrupt: &Interrupt, ui: Ui) -> Result<(), CommandError> {
    let deadline = Instant::now() + PATIENCE;
    while machine.is_on() && Instant::now() < deadline {
        machine.command(Command::ShutDown)?;
        let lost = Instant::now() + PRESS;
        while machine.is_on() && Instant::now() < lost {
            if interrupt.wait(Duration::from_millis(100)) {
                ui.say("Pulling the plug.");
                return Ok(());
            }
        }
    }
    if machine.is_on() {
        ui.say(format!("The device did not shut down within {} s: pulling the plug.", PATIENCE.as_secs()));
    }
    Ok(())
}

/// The tools of the lock, downloaded if need be.
///
/// # Errors
/// When they cannot be had.
pub fn ready_tools(lock: &Lock, paths: &Paths, ui: Ui) -> Result<Tools, CommandError> {
    let cache = Cache::new(&paths.cache);
    let packages: Vec<_> = lock.section(crate::lock::Section::Tools).cloned().collect();
    if cache.fetch(&packages, None, ui).is_err() {
        let config = crate::config::Config::load(&paths.config())?;
        cache.fetch(&packages, Some(&Mirror::debian(config.mirror.as_deref())?), ui)?;
    }
    Ok(Tools::ready(lock, &cache, &paths.cache, ui).map_err(crate::build::BuildError::from)?)
}

/// The emulator's part of the initramfs that was built with an image.
#[must_use]
pub fn guest_of(image: &Path) -> Option<PathBuf> {
    let name = image.file_name()?.to_string_lossy().into_owned();
    let stem = name.trim_end_matches(".zst").trim_end_matches(".img").to_owned();
    Some(image.with_file_name(format!("{stem}.emulator.img"))).filter(|path| path.exists())
}

/// The newest image in a folder.
///
/// # Errors
/// When there is none.
pub fn newest(folder: &Path) -> Result<PathBuf, CommandError> {
    let newest = files::newest(folder, ".img.zst").map_err(super::io(folder))?;
    newest.ok_or_else(|| CommandError::NoImage(folder.to_owned()))
}
