//! `tayberry keys`: the keys that sign updates.

use std::path::{Path, PathBuf};

use crate::commands::CommandError;
use crate::publish::keys::Passphrase;
use crate::publish::root::{self, Wish};
use crate::publish::rotate::{self, Successor};
use crate::publish::{PublishError, at};
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry keys init keys\n  tayberry keys init keys --root-keys 3 --threshold 2\n  \
    tayberry keys rotate keys --key timestamp\n  tayberry keys sign keys\n\n\
    Keep root-*.pem away from the computer that builds, and never in version control: whoever has as many of them as the\n\
    threshold says can give your devices any system. root.json is public; images are built with it."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make all keys and the first root in a new folder
    Init {
        /// The folder
        folder: PathBuf,
        /// Keys of the root
        #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
        root_keys: u8,
        /// How many of them must sign the next root
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        threshold: u8,
        /// How long the root is good, in days
        #[arg(long, value_name = "DAYS", default_value_t = 3650)]
        days: u32,
        /// A file whose first line protects the key files; asked for if absent
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Replace keys: begin a successor of the root, and sign it with the root keys in the folder
    Rotate {
        /// The folder
        folder: PathBuf,
        /// A key to replace: targets, snapshot, timestamp, root-1 …; may be given more than once
        #[arg(long = "key", value_name = "NAME", required = true)]
        keys: Vec<String>,
        /// How long the new root is good, in days
        #[arg(long, value_name = "DAYS", default_value_t = 3650)]
        days: u32,
        /// A file whose first line is the passphrase; asked for if absent
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Add the signatures of the root keys in the folder to next.root.json there
    Sign {
        /// The folder
        folder: PathBuf,
        /// A file whose first line is the passphrase; asked for if absent
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// When keys exist already, cannot be opened or not be written.
pub fn run(arguments: &Arguments, ui: Ui) -> Result<(), CommandError> {
    match &arguments.command {
        Command::Init { folder, root_keys, threshold, days, passphrase_file } => {
            let wish =
                Wish { root_keys: usize::from(*root_keys), threshold: u64::from(*threshold), days: *days };
            let passphrase = new_passphrase(passphrase_file.as_deref(), ui)?;
            let written = root::init(folder, wish, &passphrase)?;
            ui.result(format!("{}\n  keys {}", written.root.display(), names(&written.keys)), &written);
        }
        Command::Rotate { folder, keys, days, passphrase_file } => {
            let passphrase = passphrase(passphrase_file.as_deref(), ui)?;
            show(&rotate::rotate(folder, keys, *days, &passphrase)?, ui);
        }
        Command::Sign { folder, passphrase_file } => {
            show(&rotate::sign(folder, &passphrase(passphrase_file.as_deref(), ui)?)?, ui);
        }
    }
    Ok(())
}

fn show(successor: &Successor, ui: Ui) {
    let Successor { version, file, signatures, missing, keys } = successor;
    let mut text = format!("{}\n  root {version}, {signatures} signatures", file.display());
    if !keys.is_empty() {
        text.push_str(&format!("\n  new keys {}", names(keys)));
    }
    text.push_str(&match missing {
        Some(missing) => format!(
            "\n  not yet in force, it has {missing}: run tayberry keys sign where other root keys are, on a copy of that file"
        ),
        None => "\n  in force: bundles and repositories carry it from now on, and devices follow".to_owned(),
    });
    ui.result(text, successor);
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn new_passphrase(file: Option<&Path>, ui: Ui) -> Result<Passphrase, PublishError> {
    let text = ask(file, "A passphrase for the keys:", ui)?;
    if file.is_none() && ask(None, "The same once more:", ui)? != text {
        return Err(PublishError::PassphrasesDiffer);
    }
    Passphrase::new(text)
}

/// The passphrase of existing keys.
pub(crate) fn passphrase(file: Option<&Path>, ui: Ui) -> Result<Passphrase, PublishError> {
    Passphrase::new(ask(file, "The passphrase of the keys:", ui)?)
}

fn ask(file: Option<&Path>, question: &str, ui: Ui) -> Result<String, PublishError> {
    let Some(path) = file else { return ui.ask_secret(question).ok_or(PublishError::NoPassphrase) };
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
