//! `tayberry build`: from the lock to a disk image and what belongs to it, in one folder.

use std::path::{Path, PathBuf};

use tayberry_format::slot::Slot;

use crate::build::boot_files::{self, BootFiles};
use crate::build::disk::{self, System};
use crate::build::modules::{self, Kernel, Lists};
use crate::build::tree::Tree;
use crate::build::{BuildError, at, compile, erofs, finalise, initramfs, overlay, trim, verify};
use crate::commands::{CommandError, lock};
use crate::config::{self, Config};
use crate::fetch::{Cache, FetchError};
use crate::files::Whole;
use crate::lock::Lock;
use crate::mirror::Mirror;
use crate::outputs::{self, Facts};
use crate::paths::Paths;
use crate::tools::Tools;
use crate::ui::{Stage, Ui, human};

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tayberry build\n  tayberry build --offline --out /tmp/images")]
pub struct Arguments {
    /// Fail if the mirror no longer has a locked package, instead of locking its successor
    #[arg(long)]
    locked: bool,
    /// Use nothing but the cache
    #[arg(long)]
    offline: bool,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What every stage needs.
struct Bench<'a> {
    paths: &'a Paths,
    config: &'a Config,
    kernel: &'a config::Kernel,
    lock: &'a Lock,
    tools: &'a Tools,
    work: &'a Path,
    ui: Ui,
}

/// Runs the command.
///
/// # Errors
/// When a stage fails; nothing half-written keeps its final name.
pub fn run(arguments: &Arguments, paths: &Paths, ui: Ui) -> Result<(), CommandError> {
    let config = Config::load(&paths.config())?;
    let kernel = lock::chosen(&config)?;
    let cache = Cache::new(&paths.cache);
    let lock = provide(arguments, paths, &config, &cache, ui)?;
    let tools = Tools::ready(&lock, &cache, &paths.cache, ui).map_err(BuildError::from)?;
    let programs = compile::programs(&tools, &paths.project, &paths.cache, ui)?;
    std::fs::create_dir_all(&paths.cache).map_err(at(&paths.cache))?;
    let work = tempfile::Builder::new().prefix("build-").tempdir_in(&paths.cache).map_err(at(&paths.cache))?;
    let bench = Bench { paths, config: &config, kernel, lock: &lock, tools: &tools, work: work.path(), ui };

    let mut tree = Tree::unpack(&lock, &cache, &work.path().join("root"), ui)?;
    let (release, boot) = bench.tree(&mut tree, &programs)?;
    let stage = ui.stage("compress", None);
    let image = work.path().join("system.erofs");
    erofs::build(&tree, &tools, &image, lock.epoch)?;
    finished(stage, &image)?;
    let stage = ui.stage("hash tree", None);
    let hash_tree = erofs::hash(&image)?;
    stage.finish(&hash_tree.root.to_string());

    let out = arguments.out.clone().unwrap_or_else(|| paths.out());
    let stage = ui.stage("disk", None);
    let cmdline = boot_files::command_line(kernel, hash_tree.root);
    let mut raw = Whole::begin(&out.join(format!("{}.img", stem(&config)))).map_err(at(&out))?;
    disk::write(raw.file(), &boot, &cmdline, &System { image: &image, tree: &hash_tree })?;
    would_boot(raw.file(), kernel)?;
    stage.finish("boots slot A");
    let facts = Facts { config: &config, kernel, lock: &lock, release: &release, tree: &tree, boot: &boot, hash_tree: &hash_tree, image: &image };
    let written = outputs::write(&out, &stem(&config), raw.path(), &facts, ui)?;
    outputs::emulator_files(&out, &stem(&config), &bench_emulator(&bench, &programs, &out)?)?;
    drop(raw);
    ui.result(outputs::summary(&written, &facts), &written);
    Ok(())
}
