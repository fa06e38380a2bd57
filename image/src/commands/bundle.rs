//! `tayberry bundle`: one signed file of a build, to be uploaded to a device or published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tayberry_format::bundle::SUFFIX;
use tayberry_format::bundle::version::Version;
use tayberry_format::verity::RootHash;

use crate::commands::{CommandError, emulate, inspect, keys};
use crate::image_file::ImageError;
use crate::paths::Paths;
use crate::publish::PublishError;
use crate::publish::bundle::{self, Described};
use crate::ui::{Ui, human};

/// Earliest boot firmware that versions ask for: the first without a stray bit in the partition number (rpi-eeprom, release
/// notes, 2025-10-08).
const FIRMWARE: i64 = 1_759_881_600;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry bundle --keys keys\n  tayberry bundle out/tayberry-1.4.2.img.zst --keys keys \
    --notes en=notes.txt --notes de=neues.txt"
)]
pub struct Arguments {
    /// The image (default: the newest in out/); manifest.json lies beside it
    image: Option<PathBuf>,
    /// The folder that `tayberry keys init` made
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// A file whose first line is the passphrase of the keys; asked for if absent
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What is new, in a language; may be given more than once
    #[arg(long, value_name = "LANGUAGE=FILE")]
    notes: Vec<String>,
}

/// What a build says of itself.
#[derive(Deserialize)]
struct Built {
    name: String,
    version: Version,
    epoch: i64,
    kernel: Kernel,
    root_hash: RootHash,
    #[serde(default)]
    data_formats: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
struct Kernel {
    page_size: u32,
}

/// Runs the command.
///
/// # Errors
/// When the image or its manifest cannot be read, or a key not opened.
pub fn run(arguments: &Arguments, start: &Path, ui: Ui) -> Result<(), CommandError> {
    let image = match &arguments.image {
        Some(image) => image.clone(),
        None => emulate::newest(&Paths::find(start)?.out())?,
    };
    let folder = image.parent().unwrap_or(Path::new("."));
    let built = built(&image, &folder.join("manifest.json"))?;
    let notes = notes(&arguments.notes)?;
    let passphrase = keys::passphrase(arguments.passphrase_file.as_deref(), ui)?;
    let mut disk = inspect::open(&image, ui.only_result())?;
    let target = folder.join(format!("{}-{}{SUFFIX}", built.name, built.version));
    let described = Described {
        name: &built.name,
        version: built.version,
        epoch: built.epoch,
        page_size: built.kernel.page_size,
        firmware: FIRMWARE,
        root_hash: built.root_hash,
        data_formats: built.data_formats,
        notes,
    };
    let written = bundle::make(&mut disk, &image, described, (&arguments.keys, &passphrase), &target, ui)?;
    let text = format!(
        "{}\n  {}, {} chunks\n  root hash {}",
        target.display(),
        human(written.bytes),
        written.chunks,
        written.root_hash
    );
    ui.result(text, &written);
    Ok(())
}

fn built(image: &Path, manifest: &Path) -> Result<Built, CommandError> {
    let text = std::fs::read(manifest).map_err(super::io(manifest))?;
    let refuse = |error: serde_json::Error| ImageError::NotOurs {
        path: image.to_owned(),
        why: format!("{} beside it: {error}", manifest.display()),
    };
    Ok(serde_json::from_slice(&text).map_err(|error| PublishError::from(refuse(error)))?)
}

/// `LANGUAGE=FILE`, each.
fn notes(options: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut notes = BTreeMap::new();
    for option in options {
        let (language, path) = option.split_once('=').unwrap_or(("en", option));
        notes.insert(language.to_owned(), std::fs::read_to_string(path).map_err(super::io(path))?);
    }
    Ok(notes)
}
