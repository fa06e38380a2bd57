//! A device with an owner, and what the owner does about updates: by HTTPS, as a script would.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tayberry::emulate::board::Spec;
use tayberry::emulate::command::Command;
use tayberry_firmware::{Medium, locate};
use tayberry_format::layout;
use tayberry_format::preseed::{FILE, Preseed};

use crate::device::{Device, free_port};
use crate::saved::{Kind, Saved};
use crate::web::{Answer, Client, OWNER, PASSWORD, until};
use crate::{Fixture, JourneyError};

/// How long a whole update may take on a busy machine without hardware virtualisation.
pub const UPDATE: Duration = Duration::from_secs(900);

/// The name under which the device is reached.
const NAME: &str = "attic.local";

/// How long it takes at most until the power is off.
const OFF: Duration = Duration::from_secs(90);

/// A device that belongs to somebody.
pub struct Owned {
    /// The device.
    pub device: Device,
    /// A script with a token of the owner's.
    pub script: Client,
    /// Port of this machine behind which its HTTPS is.
    pub port: u16,
}

impl Owned {
    /// A device that runs for a while already, from a USB drive; its clock is that of the hour in which it was saved.
    ///
    /// # Errors
    /// When it cannot be saved, or does not go on.
    pub fn start(fixture: &Fixture) -> Result<Self, JourneyError> {
        Self::start_with(fixture, |_| ())
    }

    /// The same, with a board that `prepare` changes: what it is made of has to stay.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(fixture: &Fixture, prepare: impl FnOnce(&mut Spec)) -> Result<Self, JourneyError> {
        let saved = Saved::find(fixture, Kind::Owned)?;
        let port = free_port()?;
        let device = Device::resume(fixture, &saved, |spec| {
            spec.forwards.push((port, 8443));
            prepare(spec);
        })?;
        let owner = Client::new(&device, port, NAME)?;
        let mut script = owner.another("no cookies");
        script.token = Some(saved.token()?);
        Ok(Self { device, script, port })
    }

    /// Somebody with the owner's name and password, on the page.
    ///
    /// # Errors
    /// When the device does not let its owner in.
    pub fn owner(&self) -> Result<Client, JourneyError> {
        let mut owner = self.script.another("owner");
        owner.token = None;
        owner.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
        Ok(owner)
    }

    /// Switches a device on whose preseed names its owner, and makes a token.
    ///
    /// # Errors
    /// When it does not come up, or refuses.
    pub fn switched_on(
        fixture: &Fixture,
        medium: Medium,
        prepare: impl FnOnce(&mut Spec),
    ) -> Result<Self, JourneyError> {
        let mut owned = Self::serving(fixture, medium, prepare)?;
        // Most journeys are not about the stack, and five services take their time here.
        owned.script.expect(200, "DELETE", "/stack", None)?;
        owned.until_stack_settled()?;
        Ok(owned)
    }

    /// The same with the stack of the system, which has begun to start.
    ///
    /// # Errors
    /// As [`Self::switched_on`].
    pub fn serving(
        fixture: &Fixture,
        medium: Medium,
        prepare: impl FnOnce(&mut Spec),
    ) -> Result<Self, JourneyError> {
        let text = format!("hostname = \"attic\"\n[owner]\nname = \"{OWNER}\"\npassword = \"{PASSWORD}\"\n");
        let preseed = Preseed::parse(text.as_bytes()).and_then(|preseed| preseed.render());
        let preseed = preseed.map_err(|error| JourneyError::Failed(error.to_string()))?;
        let port = free_port()?;
        let device = Device::start(fixture, &[medium], |spec| {
            spec.forwards.push((port, 8443));
            prepare(spec);
            let disk = std::fs::OpenOptions::new().read(true).write(true).open(&spec.drives[0].path)?;
            let place = locate(&disk, layout::CONFIG.number, FILE)
                .map_err(|error| JourneyError::Failed(error.to_string()))?;
            Ok(disk.write_all_at(&preseed, place.extents[0].offset)?)
        })?;
        let mut owner = Client::new(&device, port, NAME)?;
        owner.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
        let wish = json!({ "name": "updates", "scopes": ["updates", "status", "settings", "stack"] });
        let token = owner.expect(201, "POST", "/tokens", Some(&wish))?;
        let mut script = owner.another("no cookies");
        script.token = token["secret"].as_str().map(str::to_owned);
        Ok(Self { device, script, port })
    }

    /// The services, once nothing is being changed.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_stack_settled(&mut self) -> Result<Value, JourneyError> {
        until("the end of the change of the stack", UPDATE, || {
            let now = self.script.ask("GET", "/stack", None)?;
            Ok((now.status == 200 && now.body["busy"] == false).then_some(now.body))
        })
    }

    /// A device that took the next version: it runs slot B, and slot A holds the version before.
    ///
    /// # Errors
    /// As [`Self::start`], and when the update does not stay.
    pub fn updated(fixture: &Fixture) -> Result<Self, JourneyError> {
        let mut owned = Self::start(fixture)?;
        let answer = owned.upload(&fixture.bundle("next")?)?;
        if answer.status != 200 {
            return Err(JourneyError::Failed(answer.text));
        }
        let ended = owned.restart()?;
        if ended["slot"] == "B" && ended["last"]["stayed"] == true {
            return Ok(owned);
        }
        Err(JourneyError::Failed(ended.to_string()))
    }

    /// Fetches what the repository offers, and waits until that has ended. Returns where updates are then.
    ///
    /// # Errors
    /// When it does not begin, or not end in time.
    pub fn install(&mut self, wish: &Value) -> Result<Value, JourneyError> {
        self.script.expect(200, "POST", "/updates/install", Some(wish))?;
        until("the end of the install", UPDATE, || {
            let now = self.updates()?.unwrap_or_default();
            Ok(["idle", "staged"].contains(&now["phase"].as_str().unwrap_or_default()).then_some(now))
        })
    }

    /// Pulls the plug, changes the disk, and plugs it in again.
    ///
    /// # Errors
    /// When the board does not go off, or the disk cannot be changed.
    pub fn while_off(
        &self,
        change: impl FnOnce(&std::fs::File) -> std::io::Result<()>,
    ) -> Result<(), JourneyError> {
        self.off()?;
        change(&std::fs::OpenOptions::new().read(true).write(true).open(self.device.disk(0))?)?;
        Ok(self.device.machine.command(Command::PowerOn)?)
    }

    /// Pulls the plug.
    ///
    /// # Errors
    /// When the board does not go off.
    pub fn off(&self) -> Result<(), JourneyError> {
        let before = self.device.machine.exits().len();
        self.device.machine.command(Command::Cut)?;
        self.device.machine.wait_exits(before + 1, OFF)?;
        Ok(())
    }

    /// Waits until the device answers. Returns where updates are.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn until_answers(&mut self) -> Result<Value, JourneyError> {
        let answer = until("an answer", UPDATE, || self.updates());
        answer.map_err(|error| JourneyError::Failed(format!("{error}\n{}", self.device.console_end())))
    }

    /// Takes the next step of an update that is fetched, whatever it is. The answer may be lost.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn go_on(&mut self, now: &Value) -> Result<(), JourneyError> {
        match now["phase"].as_str() {
            Some("idle") if now["version"] == "0.1.0" => {
                self.script.ask("POST", "/updates/install", Some(&json!({ "again": true }))).map(drop)
            }
            Some("staged") => self.script.ask("POST", "/updates/restart?reboot=true", None).map(drop),
            _ => Ok(()),
        }
    }

    /// Waits until the device runs `slot`, and nothing is under way.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_settled(&mut self, slot: &str) -> Result<Value, JourneyError> {
        let settled = until("the committed slot", UPDATE, || {
            let now = self.updates()?;
            Ok(now.filter(|now| now["phase"] == "idle" && now["slot"] == slot))
        });
        settled.map_err(|error| JourneyError::Failed(format!("{error}\n{}", self.device.console_end())))
    }

    /// Goes back to the system that ran before, and waits until that has ended. Returns its end.
    ///
    /// # Errors
    /// When it is refused, or does not end in time.
    pub fn roll_back(&mut self) -> Result<Value, JourneyError> {
        self.restart_by("/updates/rollback")
    }

    /// Hands a bundle in.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn upload(&self, bundle: &Path) -> Result<Answer, JourneyError> {
        self.upload_to(bundle, "/updates")
    }

    /// Hands a bundle in at another address, such as one with `?again=true`.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn upload_to(&self, bundle: &Path, path: &str) -> Result<Answer, JourneyError> {
        self.script.send(bundle, path, UPDATE)
    }

    /// Where updates are; none while the device does not answer.
    ///
    /// # Errors
    /// When curl cannot be run.
    pub fn updates(&mut self) -> Result<Option<Value>, JourneyError> {
        let answer = self.script.ask("GET", "/updates", None)?;
        Ok((answer.status == 200).then_some(answer.body))
    }

    /// Restarts into what was handed in, and waits until the update has ended, well or not. Returns its end.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn restart(&mut self) -> Result<Value, JourneyError> {
        self.restart_by("/updates/restart?reboot=true")
    }

    /// Has what was handed in take the place of what runs as its plan says, and waits until the update has ended. Returns its end.
    ///
    /// # Errors
    /// As [`Self::restart`].
    pub fn switch(&mut self) -> Result<Value, JourneyError> {
        self.restart_by("/updates/restart")
    }

    /// The same by a restart, whatever is possible.
    ///
    /// # Errors
    /// As [`Self::roll_back`].
    pub fn roll_back_by_restart(&mut self) -> Result<Value, JourneyError> {
        self.restart_by("/updates/rollback?reboot=true")
    }

    /// Waits until the slot that ran before a live update is free: the next update is no longer refused for its sake.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn until_free(&mut self) -> Result<(), JourneyError> {
        until("the end of what ran before", UPDATE, || {
            Ok(self.updates()?.filter(|now| now["in_use"].is_null()).map(drop))
        })
    }

    fn restart_by(&mut self, path: &str) -> Result<Value, JourneyError> {
        let before = self.script.expect(200, "GET", "/updates", None)?;
        let answer = self.script.ask("POST", path, None)?;
        // The answer may be lost: the device is going down.
        if ![0, 200, 503].contains(&answer.status) {
            return Err(JourneyError::Failed(answer.text));
        }
        let ended = until("the end of the update", UPDATE, || {
            let now = self.updates()?;
            Ok(now.filter(|now| now["phase"] == "idle" && now["last"] != before["last"]))
        });
        ended.map_err(|error| JourneyError::Failed(format!("{error}\n{}", self.device.console_end())))
    }
}
