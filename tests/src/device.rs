//! A board under test with its working disks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tayberry::emulate::board::{Drive, Spec};
use tayberry::emulate::disk;
use tayberry::emulate::machine::Machine;
use tayberry::ui::{Mode, Ui};
use tayberry_firmware::Medium;

use crate::bus::Bus;
use crate::saved::{DISK, Kind, Saved};
use crate::web::until;
use crate::{Fixture, JourneyError};

/// How long a boot may take on a busy machine without hardware virtualisation.
pub const BOOT: Duration = Duration::from_secs(420);

/// What the serial console showed.
pub const CONSOLE: &str = "console.log";

/// A board, switched on.
pub struct Device {
    /// The board.
    pub machine: Machine,
    folder: tempfile::TempDir,
}

impl Device {
    /// A fresh copy of the image on each of `media`, in the order in which the firmware tries them; `prepare` may change
    /// the specification and the disks before the board is switched on.
    ///
    /// # Errors
    /// When the image cannot be copied or the board not started.
    pub fn start(
        fixture: &Fixture,
        media: &[Medium],
        prepare: impl FnOnce(&mut Spec) -> Result<(), JourneyError>,
    ) -> Result<Self, JourneyError> {
        let folder = fixture.folder()?;
        let mut drives = Vec::new();
        for (index, medium) in media.iter().enumerate() {
            let path = folder.path().join(format!("disk{index}.img"));
            disk::from_image(&fixture.image, &path, Ui::new(Mode::Text))?;
            drives.push(Drive::new(*medium, path));
        }
        let mut spec = Spec::new(folder.path().to_owned(), drives);
        spec.guest = Some(fixture.guest.clone());
        prepare(&mut spec)?;
        Ok(Self { machine: Machine::start(fixture.tools.clone(), spec)?, folder })
    }

    /// The new device that was saved, with its port `guest` on the port `host` of this machine.
    ///
    /// # Errors
    /// When it cannot be saved or does not go on.
    pub fn new_one(fixture: &Fixture, host: u16, guest: u16) -> Result<Self, JourneyError> {
        let saved = Saved::find(fixture, Kind::New)?;
        Self::resume(fixture, &saved, |spec| spec.forwards.push((host, guest)))
    }

    /// A device that was saved; `prepare` may change what is around the board.
    pub(crate) fn resume(
        fixture: &Fixture,
        saved: &Saved,
        prepare: impl FnOnce(&mut Spec),
    ) -> Result<Self, JourneyError> {
        let folder = fixture.folder()?;
        saved.copy(folder.path())?;
        let drive = Drive::new(Medium::Usb, folder.path().join(DISK));
        let mut spec = Spec::new(folder.path().to_owned(), vec![drive]);
        spec.guest = Some(fixture.guest.clone());
        spec.resume = Some(saved.folder.clone());
        prepare(&mut spec);
        Ok(Self { machine: Machine::start(fixture.tools.clone(), spec)?, folder })
    }

    /// The device's system bus, as soon as the agent is on it.
    ///
    /// # Errors
    /// When the device does not come up; the console's last words are in the message.
    pub async fn bus(&self) -> Result<Bus, JourneyError> {
        let port = self.machine.port("io.tayberry.dbus");
        let connected = tokio::select! {
            bus = Bus::connect(&port, BOOT) => bus,
            () = self.machine.ended() => Err(JourneyError::Failed("the emulator ended.".into())),
        };
        connected.map_err(|error| {
            let why = self.machine.why_ended().unwrap_or_default();
            JourneyError::Failed(format!("{error} {why}\n{}", self.console_end()))
        })
    }

    /// Everything on the serial console so far.
    #[must_use]
    pub fn console(&self) -> String {
        let console = std::fs::read(self.folder.path().join(CONSOLE)).unwrap_or_default();
        String::from_utf8_lossy(&console).into_owned()
    }

    /// The claim code, read off the serial console as a person would.
    ///
    /// # Errors
    /// When it does not appear in time.
    pub fn claim_code(&self) -> Result<String, JourneyError> {
        self.code("Claim code ", 0)
    }

    /// The rescue code, once there is one on the serial console behind its first `from` characters.
    ///
    /// # Errors
    /// When it does not appear in time.
    pub fn rescue_code(&self, from: usize) -> Result<String, JourneyError> {
        self.code("Rescue code  ", from)
    }

    fn code(&self, before: &str, from: usize) -> Result<String, JourneyError> {
        until(&format!("a code behind {before:?} on the console"), BOOT, || {
            let console = self.console();
            let news = console.get(from..).unwrap_or_default();
            let code = news.rsplit_once(before).map(|(_, rest)| rest.chars().take(9).collect());
            Ok(code.filter(|code: &String| code.chars().filter(char::is_ascii_digit).count() == 8))
        })
    }

    /// The device's folder: sockets, logs, disks.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The last lines of the serial console, for messages.
    #[must_use]
    pub fn console_end(&self) -> String {
        let console = self.console();
        let lines: Vec<&str> = console.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Path of a disk.
    #[must_use]
    pub fn disk(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("disk{index}.img"))
    }
}

/// A port of this machine that nobody uses at the moment.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16, JourneyError> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
