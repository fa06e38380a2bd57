//! The command line of the workstation. Wiring only.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tayberry::commands::{self, CommandError};
use tayberry::paths::Paths;
use tayberry::ui::{Mode, Ui};

/// Builds Raspberry Pi 5 appliance images, boots them in a virtual Pi 5, inspects and flashes them.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 failed (one sentence says why), 2 wrong usage.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The checkout (default: the one around the current folder)
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// One JSON object a line on standard output, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Boot an image in a virtual Raspberry Pi 5
    Emulate(commands::emulate::Arguments),
    /// Do something to a running virtual Raspberry Pi 5: heat, buttons, power
    Control(commands::control::Arguments),
    /// Resolve the packages of image/appliance.toml and write image/tayberry.lock
    Lock(commands::lock::Arguments),
    /// Build the image that image/tayberry.lock describes
    Build(commands::build::Arguments),
    /// Make one signed file of a build, to be uploaded to devices or published
    Bundle(commands::bundle::Arguments),
    /// Write the images of the stack's services as OCI archives
    Stack(commands::stack::Arguments),
    /// Make and replace the keys that sign updates
    Keys(commands::keys::Arguments),
    /// Add a bundle to a repository that devices fetch updates from
    Publish(commands::publish::Arguments),
    /// Show what an image or a drive holds, verify it, and say what would boot
    Inspect(commands::inspect::Arguments),
    /// Write an image to an SD card, USB or NVMe drive, or list the drives
    Flash(commands::flash::Arguments),
    /// Set up a device in the network, ask it, change its settings
    Device(commands::device::Arguments),
}

fn run(cli: &Cli, ui: Ui) -> Result<(), CommandError> {
    let start = cli.project.clone().unwrap_or_else(|| PathBuf::from("."));
    match &cli.command {
        Command::Build(arguments) => commands::build::run(arguments, &Paths::find(&start)?, ui),
        Command::Stack(arguments) => commands::stack::run(arguments, &Paths::find(&start)?, ui),
        Command::Bundle(arguments) => commands::bundle::run(arguments, &start, ui),
        Command::Keys(arguments) => commands::keys::run(arguments, ui),
        Command::Control(arguments) => commands::control::run(arguments, ui),
        Command::Device(arguments) => commands::device::run(arguments, ui),
        Command::Emulate(arguments) => commands::emulate::run(arguments, &Paths::find(&start)?, ui),
        Command::Flash(arguments) => commands::flash::run(arguments, &start, ui),
        Command::Inspect(arguments) => commands::inspect::run(arguments, &start, ui),
        Command::Publish(arguments) => commands::publish::run(arguments, &start, ui),
        Command::Lock(arguments) => commands::lock::run(arguments, &Paths::find(&start)?, ui),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(if cli.json { Mode::Json } else { Mode::Text });
    match run(&cli, ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Ui::error(&error);
            ExitCode::FAILURE
        }
    }
}
