//! Where what is built comes from, and having it: packages, and images of registries.

use crate::commands::{CommandError, lock as relock};
use crate::config::{Config, Database};
use crate::fetch::{Cache, FetchError};
use crate::lock::Lock;
use crate::mirror::Mirror;
use crate::paths::Paths;
use crate::registry::Layers;
use crate::ui::Ui;

/// What of it may be used.
#[derive(Debug, clap::Args)]
pub struct Sources {
    /// Fail if the mirror no longer has a locked package, instead of locking its successor
    #[arg(long)]
    pub locked: bool,
    /// Use nothing but the cache
    #[arg(long)]
    pub offline: bool,
    /// The database of the stack
    #[arg(long, value_enum, value_name = "WHICH", default_value = "official")]
    pub database: Database,
}

/// The way without a registry.
const STAND_IN: &str = ". Without that registry, build with --database stand-in";

/// The lock to build, with everything in the cache. From here on files get the same modes whoever builds.
///
/// # Errors
/// When something cannot be had, or is not what the lock says.
pub fn provide(arguments: &Sources, paths: &Paths, config: &Config, ui: Ui) -> Result<Lock, CommandError> {
    // Part of the result: what the tree's files may be read by must not depend on who builds.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let lock = Lock::load(&paths.lock())?;
    let lock = packages_of(lock, arguments, paths, config, ui)?;
    images_of(lock, arguments, paths, config, ui)
}

/// The lock, with every image of a registry in the cache. One that was never resolved is resolved now, and locked.
fn images_of(
    mut lock: Lock,
    arguments: &Sources,
    paths: &Paths,
    config: &Config,
    ui: Ui,
) -> Result<Lock, CommandError> {
    let all = Config::load(&paths.config())?;
    let layers = Layers::new(&paths.cache);
    for (name, reference) in
        config.container.iter().filter_map(|(name, one)| Some((name, one.image.as_ref()?)))
    {
        let has_stand_in = all.container.values().any(|one| one.stands_in_for.as_ref() == Some(name));
        let without = |error| CommandError::Registry(error, if has_stand_in { STAND_IN } else { "" });
        if lock.image_of(name, reference).is_none() {
            if arguments.locked || arguments.offline {
                return Err(CommandError::Unresolved { reference: reference.clone() });
            }
            let image = layers.resolve(name, reference).map_err(without)?;
            ui.say(format!("{reference} is {} from now on.", image.digest));
            lock.image.retain(|other| other.container != *name);
            lock.image.push(image);
            lock.save(&paths.lock())?;
        }
        if let Some(image) = lock.image_of(name, reference) {
            layers.fetch(image, arguments.offline, ui).map_err(without)?;
        }
    }
    Ok(lock)
}

/// The lock, with every package in the cache.
fn packages_of(
    lock: Lock,
    arguments: &Sources,
    paths: &Paths,
    config: &Config,
    ui: Ui,
) -> Result<Lock, CommandError> {
    let cache = Cache::new(&paths.cache);
    if arguments.offline {
        cache.fetch(&lock.package, None, ui)?;
        return Ok(lock);
    }
    if cache.fetch(&lock.package, None, ui).is_ok() {
        return Ok(lock);
    }
    let mirror = Mirror::find(config)?;
    match cache.fetch(&lock.package, Some(&mirror), ui) {
        Ok(()) => Ok(lock),
        Err(FetchError::Gone(gone)) if !arguments.locked => {
            ui.say(format!("The mirror no longer has {}: locking what replaced it.", gone.join(", ")));
            // With those that this build leaves out.
            let all = Config::load(&paths.config())?;
            let kernel = relock::chosen(&all)?;
            let (mut renewed, unread) = relock::renew(paths, &all, kernel, &mirror, &lock.package, ui)?;
            renewed.image = lock.image;
            for change in crate::lock::changes(&lock.package, &renewed.package) {
                ui.say(change);
            }
            for package in &unread {
                // Not an error here: a build must not die of a superseded package. The next `tayberry lock` insists.
                ui.say(format!("Maintainer scripts of {} changed and were not reviewed.", package.name));
            }
            renewed.save(&paths.lock())?;
            Ok(renewed)
        }
        Err(error) => Err(error.into()),
    }
}
