//! `tayberry lock`: resolves the configuration, downloads what it chose, and writes `tayberry.lock`.

use crate::commands::CommandError;
use crate::config::{Config, Kernel};
use crate::fetch::Cache;
use crate::lock::scripts::{self, Reviewed, Unreviewed};
use crate::lock::{self, Lock, LockError, Package, resolve};
use crate::mirror::Mirror;
use crate::paths::Paths;
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Take the maintainer scripts as they are now as reviewed
    #[arg(long)]
    accept_scripts: bool,
    /// Keep the locked versions that still exist, and add or drop what the configuration says
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
///
/// # Errors
/// When the packages cannot be resolved or fetched, or have unreviewed scripts.
pub fn run(arguments: &Arguments, paths: &Paths, ui: Ui) -> Result<(), CommandError> {
    let config = Config::load(&paths.config())?;
    let kernel = chosen(&config)?;
    let mirror = Mirror::find(&config)?;
    let (old, images) = match Lock::load(&paths.lock()) {
        Ok(lock) => (lock.package, lock.image),
        Err(LockError::Missing(_) | LockError::Format(..)) => (Vec::new(), Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let keep = if arguments.keep { old.as_slice() } else { &[] };
    let (mut new, unread) = renew(paths, &config, kernel, &mirror, keep, ui)?;
    if arguments.keep {
        new.image = images;
    }
    if !unread.is_empty() {
        for package in &unread {
            ui.say(&package.difference);
        }
        if !arguments.accept_scripts {
            return Err(CommandError::Unreviewed { count: unread.len() });
        }
    }
    let mut reviewed = Reviewed::load(&paths.reviewed_scripts())?;
    reviewed.accept(unread, &new.package);
    reviewed.save(&paths.reviewed_scripts())?;
    let changes: Vec<String> = lock::changes(&old, &new.package).iter().map(ToString::to_string).collect();
    new.save(&paths.lock())?;
    let count = new.package.len();
    ui.result(
        format!("{}\n{count} packages locked, {} changes", changes.join("\n"), changes.len()),
        &changes,
    );
    Ok(())
}

/// The configuration's kernel flavour.
///
/// # Errors
/// [`Config::load`] has already refused a flavour that does not exist.
pub fn chosen(config: &Config) -> Result<&Kernel, CommandError> {
    config.flavour().ok_or_else(|| resolve::ResolveError::NoKernel(config.image.kernel.clone()).into())
}

/// Resolves anew, preferring the versions of `keep`; downloads everything and reads its scripts.
///
/// # Errors
/// When the packages cannot be resolved or fetched.
pub fn renew(
    paths: &Paths,
    config: &Config,
    kernel: &Kernel,
    mirror: &Mirror,
    keep: &[Package],
    ui: Ui,
) -> Result<(Lock, Vec<Unreviewed>), CommandError> {
    let stage = ui.stage("resolve", None);
    let mut new = resolve::resolve(config, kernel, mirror, &paths.cache.join("apt"), keep)?;
    stage.finish(&format!("{} packages", new.package.len()));
    let cache = Cache::new(&paths.cache);
    cache.fetch(&new.package, Some(mirror), ui)?;
    let reviewed = Reviewed::load(&paths.reviewed_scripts())?;
    let unread = scripts::note(&mut new.package, &reviewed, |package| cache.file_of(package))?;
    Ok((new, unread))
}
