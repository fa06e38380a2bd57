//! `tayberry stack export`: the images of the stack's services, for machines with a container engine.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::build::containers::{self, Parts};
use crate::build::trim::Trim;
use crate::build::{BuildError, archive, at, compile};
use crate::commands::CommandError;
use crate::commands::sources::{self, Sources};
use crate::config::{Config, Instead};
use crate::fetch::Cache;
use crate::paths::Paths;
use crate::registry::Layers;
use crate::tools::Tools;
use crate::ui::{Ui, human};

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry stack export\n  tayberry stack export --database stand-in --out /tmp/images\n  \
    podman load --input out/stack/redis.tar"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write each image as an OCI archive, which skopeo and podman load accept
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    sources: Sources,
    /// Folder for the archives (default: out/stack)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// An archive that was written.
#[derive(Debug, Serialize)]
struct Exported {
    archive: PathBuf,
    bytes: u64,
    image: String,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be had or compiled, or an archive not be written.
pub fn run(arguments: &Arguments, paths: &Paths, ui: Ui) -> Result<(), CommandError> {
    let Command::Export(arguments) = &arguments.command;
    let instead = Instead { database: arguments.sources.database, ..Instead::default() };
    let config = Config::load_with(&paths.config(), &instead)?;
    let lock = sources::provide(&arguments.sources, paths, &config, ui)?;
    let cache = Cache::new(&paths.cache);
    let tools = Tools::ready(&lock, &cache, &paths.cache, ui).map_err(BuildError::from)?;
    let programs = compile::programs(&tools, &paths.project, &Config::load(&paths.config())?, ui)?;
    let work =
        tempfile::Builder::new().prefix("stack-").tempdir_in(&paths.cache).map_err(at(&paths.cache))?;
    let trim = Trim::load(&paths.project.join("image/trim.toml"))?;
    let parts = Parts {
        project: &paths.project,
        tools: &tools,
        programs: &programs,
        config: &config,
        lock: &lock,
        cache: &cache,
        layers: &Layers::new(&paths.cache),
        work: work.path(),
        trim: &trim,
    };
    let roots = containers::roots(&parts, ui)?;
    let out = arguments.out.clone().unwrap_or_else(|| paths.out().join("stack"));
    std::fs::create_dir_all(&out).map_err(at(&out))?;
    let mut exported = Vec::new();
    for (name, image) in config.container.keys().zip(containers::images(&parts, &roots)?) {
        let archive = out.join(format!("{name}.tar"));
        let bytes = archive::write(&archive, &image, lock.epoch)?;
        exported.push(Exported { archive, bytes, image: image.name });
    }
    let lines: Vec<String> = exported
        .iter()
        .map(|one| format!("{}\n  {}, {}", one.archive.display(), one.image, human(one.bytes)))
        .collect();
    ui.result(lines.join("\n"), &exported);
    Ok(())
}
