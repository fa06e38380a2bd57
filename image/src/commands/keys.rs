//! `tayberry keys`: the keys that sign updates.

use std::path::{Path, PathBuf};

use crate::commands::CommandError;
use crate::publish::keys::Passphrase;
use crate::publish::root::{self, Wish};
use crate::publish::{PublishError, at};
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry keys init keys\n  tayberry keys init keys --root-keys 3 --threshold 2\n\n\
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
}

/// Runs the command.
///
/// # Errors
/// When keys exist already or cannot be written.
pub fn run(arguments: &Arguments, ui: Ui) -> Result<(), CommandError> {
    let Command::Init { folder, root_keys, threshold, days, passphrase_file } = &arguments.command;
    let wish = Wish { root_keys: usize::from(*root_keys), threshold: u64::from(*threshold), days: *days };
    let passphrase = new_passphrase(passphrase_file.as_deref(), ui)?;
    let written = root::init(folder, wish, &passphrase)?;
    let names: Vec<String> = written.keys.iter().map(|path| path.display().to_string()).collect();
    ui.result(format!("{}\n  keys {}", written.root.display(), names.join(", ")), &written);
    Ok(())
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
