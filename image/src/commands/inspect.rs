//! `tayberry inspect IMAGE`: what an image or a drive holds, whether it is whole, and what a board would boot from it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tayberry_firmware::Disk;
use tayberry_format::layout;
use tayberry_format::slot::Slot;
use tayberry_format::table;

use crate::commands::{CommandError, emulate};
use crate::image_file::{self, ImageError, Stream};
use crate::inspect::slots::{self, System};
use crate::inspect::{InspectError, Report, contents, firmware, text};
use crate::lock::Lock;
use crate::paths::Paths;
use crate::tools::Tools;
use crate::ui::{Ui, human};

/// What to do.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  tayberry inspect out/tayberry-0.1.0.img.zst\n  \
    tayberry inspect out/tayberry-0.1.0.img.zst --all      every package\n  \
    tayberry inspect out/tayberry-0.1.0.img.zst --json     one JSON object\n  \
    sudo tayberry inspect /dev/sdX                         a drive, for reading only\n\n\
    Fails if a system partition does not match its root hash, or a board would not boot.")]
pub struct Arguments {
    /// The image, compressed or not, or a drive (default: the newest in out/)
    pub image: Option<PathBuf>,
    /// Show every package instead of the largest
    #[arg(long)]
    pub all: bool,
}

/// Runs the command. `start` is where a checkout is looked for: its lock names the tool that reads the list of packages.
///
/// # Errors
/// When the image is not ours, cannot be read, or is not sound.
pub fn run(arguments: &Arguments, start: &Path, ui: Ui) -> Result<(), CommandError> {
    let ui = ui.only_result();
    let image = match &arguments.image {
        Some(image) => image.clone(),
        None => emulate::newest(&Paths::find(start)?.out())?,
    };
    let disk = open(&image, ui)?;
    let mut report = look(&image, &disk, ui)?;
    // The tools are only fetched when there is something to read.
    if report.slots.iter().any(|found| matches!(found.system, System::Verified { .. })) {
        let tools = tools(start, ui);
        // The unpacked copy has no name of its own.
        let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), disk.as_raw_fd()));
        for found in &mut report.slots {
            if matches!(found.system, System::Verified { .. }) {
                let read = tools.as_ref().map_err(ToString::to_string).and_then(|tools| {
                    contents::read(tools, &path, found.slot).map_err(|error| error.to_string())
                });
                match read {
                    Ok(contents) => found.contents = Some(contents),
                    Err(why) => found.contents_problem = Some(why),
                }
            }
        }
    }
    ui.result(text::render(&report, arguments.all), &report);
    let problems = report.problems();
    if problems.is_empty() {
        return Ok(());
    }
    Err(InspectError::NotSound { path: image, problems }.into())
}

/// The disk to look at: a drive or a plain image as it is, a compressed one unpacked into a file that vanishes with this
/// process.
pub(crate) fn open(image: &Path, ui: Ui) -> Result<File, CommandError> {
    image_file::check_layout(image).map_err(InspectError::from)?;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| InspectError::Io { path, error }
    };
    if let Stream::Plain(file) = Stream::open(image).map_err(at(image))? {
        return Ok(file);
    }
    let cache = Paths::cache_folder()?;
    std::fs::create_dir_all(&cache).map_err(at(&cache))?;
    let copy = tempfile::tempfile_in(&cache).map_err(at(&cache))?;
    let stage = ui.stage("unpack", Some(layout::IMAGE_BYTES));
    image_file::unpack_into(image, &copy, &|bytes| stage.add(bytes)).map_err(InspectError::from)?;
    stage.finish("into a temporary file");
    Ok(copy)
}

fn look(image: &Path, disk: &File, ui: Ui) -> Result<Report, InspectError> {
    let not_ours =
        |error: table::TableError| ImageError::NotOurs { path: image.to_owned(), why: error.to_string() };
    let partitions = table::list(&image_file::head(image)?).map_err(not_ours)?;
    let total = Slot::ALL.map(|slot| slots::data_bytes(disk, slot)).iter().sum();
    let stage = ui.stage("verify", Some(total));
    let slots = Slot::ALL.map(|slot| slots::look(disk, slot, &|bytes| stage.add(bytes))).into();
    stage.finish(&human(total));
    Ok(Report {
        image: image.to_owned(),
        bytes: disk.size(),
        partitions,
        default_slot: slots::default_slot(disk),
        slots,
        firmware: firmware::ask(disk),
    })
}

fn tools(start: &Path, ui: Ui) -> Result<Tools, CommandError> {
    let paths = Paths::find(start)?;
    emulate::ready_tools(&Lock::load(&paths.lock())?, &paths, ui)
}
