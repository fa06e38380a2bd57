//! `tayberry publish`: adds a bundle to a repository of static files.

use std::path::{Path, PathBuf};

use tayberry_format::bundle::SUFFIX;
use tayberry_format::bundle::version::Version;
use tayberry_format::owner::Channel;

use crate::commands::{CommandError, keys};
use crate::files;
use crate::paths::Paths;
use crate::publish::PublishError;
use crate::publish::repository::{self, Offer};
use crate::ui::Ui;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tayberry publish www/updates --keys keys\n  tayberry publish www/updates out/attic-1.5.0.tayberry \
    --keys keys --channel beta\n  tayberry publish www/updates --keys keys --renew\n\n\
    Any web server or CDN that answers requests for ranges can serve the folder. Devices stop believing it when its\n\
    signatures expire: publish, or renew, before that."
)]
pub struct Arguments {
    /// The folder that is served; made if it is absent
    repository: PathBuf,
    /// The bundle (default: the newest in out/)
    bundle: Option<PathBuf>,
    /// The folder that `tayberry keys init` made
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// A file whose first line is the passphrase of the keys; asked for if absent
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The channel that offers it: stable, beta, or one of your own
    #[arg(long, value_name = "NAME", default_value = "stable", value_parser = channel)]
    channel: Channel,
    /// The oldest version that may take it in one step
    #[arg(long, value_name = "VERSION")]
    from: Option<Version>,
    /// How long devices believe what is signed now, in days; 0 expires at once
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(..=3650))]
    days: u32,
    /// Only sign what is there once more
    #[arg(long, conflicts_with_all = ["bundle", "from"])]
    renew: bool,
}

fn channel(text: &str) -> Result<Channel, String> {
    Channel::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// When the bundle or the repository cannot be used, or a key not opened.
pub fn run(arguments: &Arguments, start: &Path, ui: Ui) -> Result<(), CommandError> {
    let bundle = match (&arguments.bundle, arguments.renew) {
        (_, true) => None,
        (Some(bundle), false) => Some(bundle.clone()),
        (None, false) => {
            let out = Paths::find(start)?.out();
            let newest = files::newest(&out, SUFFIX).map_err(super::io(&out))?;
            Some(newest.ok_or(PublishError::NoBundle(out))?)
        }
    };
    let passphrase = keys::passphrase(arguments.passphrase_file.as_deref(), ui)?;
    let offer = bundle.as_ref().map(|bundle| Offer {
        bundle,
        channel: arguments.channel.clone(),
        from: arguments.from.clone(),
    });
    let stage = ui.stage("publish", None);
    let keys = (arguments.keys.as_path(), &passphrase);
    let published = repository::publish(&arguments.repository, offer, keys, arguments.days, &stage)?;
    stage.finish(&published.version.as_ref().map_or("signatures".to_owned(), ToString::to_string));
    let mut text = format!("{}\n  believed until {}", published.repository.display(), published.expires);
    for (channel, releases) in &published.channels.channels {
        let versions: Vec<String> = releases.iter().map(|release| release.version.to_string()).collect();
        text.push_str(&format!("\n  {channel} offers {}", versions.join(", ")));
    }
    ui.result(text, &published);
    Ok(())
}
