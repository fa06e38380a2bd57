//! Devices that were saved while they ran: journeys that are not about starting go on from there. Each is made once for an
//! image, by the first journey that asks. They run from USB drives (`tayberry::emulate::saved` says why).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tayberry::emulate::board::Exit;
use tayberry::emulate::command::Command;
use tayberry::emulate::{disk, saved};
use tayberry::files;
use tayberry_firmware::Medium;

use crate::device::{CONSOLE, Device, free_port};
use crate::update::Owned;
use crate::web::Client;
use crate::{Fixture, JourneyError};

/// The disk of a saved device.
pub(crate) const DISK: &str = "disk0.img";
/// What its owner's script proves itself with; written last: with it, all is there.
const TOKEN: &str = "token";
/// The clock of a saved device stands still: an older one is made anew.
const FRESH: Duration = Duration::from_secs(6 * 3600);
/// How long saving may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody owns it yet; its claim code is on the screen.
    New,
    /// As [`Owned::switched_on`] leaves it.
    Owned,
}

/// A saved device.
pub(crate) struct Saved {
    /// Its folder.
    pub(crate) folder: PathBuf,
}

impl Saved {
    /// The saved device of the image under test; made when there is none.
    pub(crate) fn find(fixture: &Fixture, kind: Kind) -> Result<Self, JourneyError> {
        let all = fixture.paths.project.join("target/journeys/saved").join(match kind {
            Kind::New => "new",
            Kind::Owned => "owned",
        });
        std::fs::create_dir_all(&all)?;
        // Whoever comes second waits for the first.
        let lock = File::create(all.join("lock"))?;
        lock.lock()?;
        let folder = all.join(name(fixture)?);
        if !is_fresh(&folder) {
            for old in std::fs::read_dir(&all)?.collect::<Result<Vec<_>, _>>()? {
                if old.file_type()?.is_dir() {
                    std::fs::remove_dir_all(old.path())?;
                }
            }
            make(fixture, kind, &folder)?;
        }
        Ok(Self { folder })
    }

    /// Puts its disk and its screen where a board in the folder `run` expects them.
    pub(crate) fn copy(&self, run: &Path) -> Result<(), JourneyError> {
        std::fs::copy(self.folder.join(CONSOLE), run.join(CONSOLE))?;
        Ok(disk::copy_sparse(&self.folder.join(DISK), &run.join(DISK))?)
    }

    /// What its owner's script proves itself with.
    pub(crate) fn token(&self) -> Result<String, JourneyError> {
        Ok(std::fs::read_to_string(self.folder.join(TOKEN))?)
    }
}

/// The name of what is saved: the image and what the emulator adds to it decide about it.
fn name(fixture: &Fixture) -> Result<String, JourneyError> {
    let mut name = String::new();
    for file in [&fixture.image, &fixture.guest] {
        name.push_str(&files::sha256(file)?[..16]);
    }
    Ok(name)
}

fn is_fresh(folder: &Path) -> bool {
    let written = std::fs::metadata(folder.join(TOKEN)).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < FRESH))
}

/// Switches a device on and saves it once it is what was asked for.
fn make(fixture: &Fixture, kind: Kind, folder: &Path) -> Result<(), JourneyError> {
    let (device, token) = match kind {
        Kind::New => (new(fixture)?, String::new()),
        Kind::Owned => {
            let owned = Owned::switched_on(fixture, Medium::Usb, |_| ())?;
            (owned.device, owned.script.token.unwrap_or_default())
        }
    };
    device.machine.command(Command::Save)?;
    if device.machine.wait_exits(1, PATIENCE)? != [Exit::Saved] {
        return Err(JourneyError::Failed(format!("not saved\n{}", device.console_end())));
    }
    std::fs::create_dir_all(folder)?;
    for file in [saved::MEMORY, saved::MAILBOX, CONSOLE, DISK] {
        disk::copy_sparse(&device.folder().join(file), &folder.join(file))?;
    }
    Ok(files::write_whole(&folder.join(TOKEN), token.as_bytes())?)
}

/// A device whose page answers and whose screen shows the claim code.
fn new(fixture: &Fixture) -> Result<Device, JourneyError> {
    let port = free_port()?;
    let device = Device::start(fixture, &[Medium::Usb], |spec| {
        spec.forwards.push((port, 8443));
        Ok(())
    })?;
    device.claim_code()?;
    Client::new(&device, port, "tayberry.local")?;
    Ok(device)
}
