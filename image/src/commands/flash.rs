//! `tayberry flash`: lists drives, or writes an image to one after the person confirmed its model.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::libc::O_EXCL;
use nix::sys::stat::{major, minor};
use serde::Serialize;
use tayberry_format::layout;

use crate::commands::CommandError;
use crate::flash::FlashError;
use crate::flash::decide::{Refusal, choose, is_listed, judge, needed};
use crate::flash::devices::{self, Device, Places};
use crate::flash::plan::plan;
use crate::flash::settings::{Settings, SettingsError};
use crate::flash::source::Source;
use crate::flash::write::{Done, Job};
use crate::paths::Paths;
use crate::ui::{Ui, human};

/// What to do.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  tayberry flash                      list the drives\n  \
    tayberry flash /dev/sdX             write the newest image of out/\n  \
    tayberry flash x.img.zst /dev/sdX --hostname shed --ssh-key ~/.ssh/id_ed25519.pub\n  \
    tayberry flash /dev/sdX --hostname shed --owner Margarete --owner-password-file password\n\n\
    Interrupting is safe: a drive that is not finished has no partition table and boots nothing.")]
pub struct Arguments {
    /// The image, compressed or not (default: the newest in out/)
    pub image: Option<PathBuf>,
    /// The drive, such as /dev/sdX or /dev/disk/by-id/...; without it, drives are listed
    pub device: Option<PathBuf>,
    /// The drive's model, instead of typing it when asked
    #[arg(long, value_name = "MODEL")]
    pub confirm: Option<String>,
    /// What the device should know at its first boot
    #[command(flatten)]
    pub settings: Settings,
    /// Write to a regular file as if it were a drive (for tests)
    #[arg(long, hide = true)]
    pub allow_file: bool,
}

/// A drive in the list.
#[derive(Serialize)]
struct Listed {
    device: String,
    model: Option<String>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// What was done.
#[derive(Serialize)]
struct Flashed<'a> {
    image: &'a Path,
    device: &'a Path,
    model: &'a str,
    block_map: bool,
    settings: bool,
    written_bytes: u64,
    write_seconds: f64,
    verify_seconds: f64,
}

/// Where the image goes.
struct Goal {
    model: String,
    bytes: u64,
    file: File,
}

/// Runs the command. `start` is where a checkout is looked for when no image is named.
///
/// # Errors
/// Says whether something was written.
pub fn run(arguments: &Arguments, start: &Path, ui: Ui) -> Result<(), CommandError> {
    let (image, device) = match (&arguments.image, &arguments.device) {
        (Some(only), None) if is_device(only) => (None, Some(only)),
        (image, device) => (image.clone(), device.as_ref()),
    };
    let Some(device) = device else {
        return Ok(list(ui)?);
    };
    let image = match image {
        Some(image) => image,
        None => newest(&Paths::find(start)?.out())?,
    };
    Ok(flash(arguments, &image, device, ui)?)
}

fn is_device(path: &Path) -> bool {
    path.starts_with("/dev") || std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_block_device())
}

/// The image that was built last.
fn newest(out: &Path) -> Result<PathBuf, FlashError> {
    let files = std::fs::read_dir(out).into_iter().flatten().flatten().map(|entry| entry.path());
    let images = files.filter(|path| path.to_string_lossy().ends_with(".img.zst"));
    let built =
        |path: &PathBuf| path.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    images.max_by_key(built).ok_or_else(|| FlashError::NoImage(out.to_owned()))
}

fn look() -> Result<Vec<Device>, FlashError> {
    devices::look(&Places::below(Path::new("/"))).map_err(FlashError::Look)
}

fn list(ui: Ui) -> Result<(), FlashError> {
    let all = look()?;
    let judged = all.iter().map(|device| (device, judge(device, needed(layout::IMAGE_BYTES))));
    let mut listed: Vec<Listed> = judged
        .filter(|(device, verdict)| is_listed(device, verdict))
        .map(|(device, verdict)| Listed {
            device: format!("/dev/{}", device.name),
            model: device.model.clone(),
            bytes: device.bytes,
            refused: verdict.err().map(|refusal| refusal.to_string()),
        })
        .collect();
    listed.sort_by_key(|one| one.refused.is_some());
    let mut text = String::new();
    for one in &listed {
        let model = one.model.as_deref().unwrap_or("(no model)");
        let verdict =
            one.refused.as_ref().map_or("can be written".to_owned(), |why| format!("refused: {why}"));
        text += &format!("{:16} {model:24} {:>10}  {verdict}\n", one.device, human(one.bytes));
    }
    if listed.iter().all(|one| one.refused.is_some()) {
        text += "No drive can be written: plug in an SD card, USB or NVMe drive.";
    }
    ui.result(text.trim_end(), &listed);
    Ok(())
}

fn flash(arguments: &Arguments, image: &Path, device: &Path, ui: Ui) -> Result<(), FlashError> {
    // Everything that can be refused is refused before the question, and everything is asked before the first write.
    let preseed = arguments.settings.preseed()?;
    let block = preseed.render().map_err(SettingsError::from)?;
    let mut source = Source::open(image)?;
    let preseed = match preseed.is_empty() {
        true => None,
        false => Some((source.preseed_offset()?, block)),
    };
    let extents = plan(source.map.as_ref());
    let goal = open(arguments, device, ui)?;
    if source.map.is_none() {
        ui.say("No block map lies beside the image: all of it is written, which takes longer.");
    }
    let job = Job { target: &goal.file, target_bytes: goal.bytes, extents: &extents, preseed };
    let done =
        job.run(&mut source, ui).map_err(|error| FlashError::Write { device: device.to_owned(), error })?;
    let flashed = Flashed {
        image,
        device,
        model: &goal.model,
        block_map: source.map.is_some(),
        settings: preseed.is_some(),
        written_bytes: done.bytes,
        write_seconds: done.write_seconds,
        verify_seconds: done.verify_seconds,
    };
    ui.result(summary(device, &goal.model, &done), &flashed);
    Ok(())
}

fn summary(device: &Path, model: &str, done: &Done) -> String {
    format!("{} ({model}) holds the image, read back and equal: {}.", device.display(), human(done.bytes))
}

/// Finds, judges and confirms the device, and opens it.
fn open(arguments: &Arguments, path: &Path, ui: Ui) -> Result<Goal, FlashError> {
    let refuse = |refusal| FlashError::Refused { device: path.to_owned(), refusal };
    let failed = |error: std::io::Error| {
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "run this command with sudo",
            std::io::ErrorKind::ResourceBusy => "another program uses it",
            _ => "is it plugged in?",
        };
        FlashError::Open { device: path.to_owned(), error, advice }
    };
    let meta = std::fs::metadata(path).map_err(failed)?;
    let is_block = meta.file_type().is_block_device();
    let is_file = arguments.allow_file && meta.is_file();
    if !is_block && !is_file {
        return Err(refuse(Refusal::Unknown));
    }
    let (model, bytes) = if is_block {
        let all = look()?;
        let number = format!("{}:{}", major(meta.rdev()), minor(meta.rdev()));
        let device = choose(&all, &number).map_err(refuse)?;
        judge(device, needed(layout::IMAGE_BYTES)).map_err(refuse)?;
        (device.confirmation().to_owned(), device.bytes)
    } else {
        (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), meta.len())
    };
    let least = needed(layout::IMAGE_BYTES);
    if bytes < least {
        return Err(refuse(Refusal::TooSmall { have: bytes, needed: least }));
    }
    confirm(arguments, path, &model, bytes, ui)?;
    // On a block device this flag means: fail if a mount, swap or other driver has it or one of its partitions.
    let flags = if is_block { O_EXCL } else { 0 };
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).map_err(failed)?;
    Ok(Goal { model, bytes, file })
}

fn confirm(arguments: &Arguments, path: &Path, model: &str, bytes: u64, ui: Ui) -> Result<(), FlashError> {
    let question = format!(
        "Everything on {} ({model}, {}) will be lost. Type its model, {model}, to go on:",
        path.display(),
        human(bytes)
    );
    let answer = arguments
        .confirm
        .clone()
        .or_else(|| ui.ask(question))
        .ok_or_else(|| FlashError::NobodyToAsk(model.to_owned()))?;
    if answer.trim() == model { Ok(()) } else { Err(FlashError::NotConfirmed(model.to_owned())) }
}
