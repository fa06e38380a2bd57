//! `tayberryd configure`: early at every boot, before the network, takes over a new preseed file and renders the
//! configuration from the state. Whatever fails is said on the screen and does not stop the boot.

use std::fs;
use std::io;
use std::path::Path;

use tayberry_core::network::profile;
use tayberry_core::render;
use tayberry_format::state::State;

use crate::device::store::{FOLDER, Store, StoreError};
use crate::device::{boot, network, render as files};
use crate::takeover;

/// Where the sentences for the owner are kept until the next boot, one a line.
const NOTICES: &str = "/run/tayberry/notices";

/// A configuration that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// What the initramfs left.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file below `/run`.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The reason.
        error: io::Error,
    },
}

fn at(what: &'static str) -> impl FnOnce(io::Error) -> ConfigureError {
    move |error| ConfigureError::Io { what, error }
}

/// Does it.
///
/// # Errors
/// When nothing could be rendered at all.
pub fn run() -> Result<(), ConfigureError> {
    let store = Store::new(FOLDER);
    let (state, notice) = match store.load() {
        Ok(settled) => (settled.state, settled.notice),
        Err(error) => (State::default(), Some(format!("The settings could not be read: {error}."))),
    };
    let mut notices = Vec::from_iter(notice);
    let state = takeover::run(&store, state, &boot::report()?.disk, &mut notices);
    apply(&state)?;
    for notice in &notices {
        tracing::warn!("{notice}");
    }
    network::files::write(Path::new(profile::FOLDER), &profile::render(&state))
        .map_err(at(profile::FOLDER))?;
    fs::write(NOTICES, notices.join("\n")).map_err(at(NOTICES))
}

/// Renders everything from `state`. Doing it again changes nothing.
///
/// # Errors
/// When a file cannot be written.
pub fn apply(state: &State) -> Result<(), ConfigureError> {
    let image =
        image_hostname(&fs::read_to_string("/usr/lib/os-release").map_err(at("/usr/lib/os-release"))?);
    files::write(Path::new(render::FOLDER), &render::render(state, &image)).map_err(at(render::FOLDER))?;
    files::set_hostname(render::hostname(state, &image)).map_err(at("the host name"))
}

/// The sentences of this boot.
#[must_use]
pub fn notices() -> Vec<String> {
    fs::read_to_string(NOTICES).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The name that the image gives a device which nobody named (os-release(5), `DEFAULT_HOSTNAME`).
fn image_hostname(os_release: &str) -> String {
    let line = os_release.lines().find_map(|line| line.strip_prefix("DEFAULT_HOSTNAME="));
    line.map_or("tayberry", |value| value.trim_matches('"')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_names_a_new_device() {
        assert_eq!(image_hostname("NAME=\"x\"\nDEFAULT_HOSTNAME=\"shelf\"\n"), "shelf");
        assert_eq!(image_hostname(""), "tayberry");
    }
}
