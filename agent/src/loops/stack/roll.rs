//! Replaces a service without a gap: the new one starts beside the old, takes the requests once it is ready, and the old one ends. A new
//! one that does not become ready is taken away again, and nobody outside notices.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tayberry_core::stack::plan::{Roll, Step};
use tayberry_core::stack::quadlet::unit_of;
use tayberry_core::stack::side::{self, Side};
use tayberry_core::stack::{gateway, values::Name};

use super::{Handle, StackError};
use crate::device::systemd::{self, Job};

/// How long the old one still gets what was on its way to it when the other side was taken: the gateway looks before it passes a request on.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// How long a service that has started may take until its check is passed.
const CHECK: Duration = Duration::from_secs(120);
/// How often that is asked.
const AGAIN: Duration = Duration::from_secs(2);

/// Where it is kept which side is asked.
fn folder() -> PathBuf {
    Path::new(gateway::FOLDER).join(side::FOLDER)
}

/// The services whose side B is asked.
pub(super) fn on_b() -> Result<std::collections::BTreeSet<String>, StackError> {
    let io = |error| StackError::Io(folder().display().to_string(), error);
    match fs::read_dir(folder()) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(io))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Default::default()),
        Err(error) => Err(io(error)),
    }
}

/// The side of a service that is asked.
pub(super) fn asked(service: &Name) -> Side {
    if folder().join(service.to_string()).exists() { Side::B } else { Side::A }
}

/// Has `side` of a service asked from now on.
pub(super) fn ask(service: &str, side: Side) -> Result<(), StackError> {
    let path = folder().join(service);
    let done = match side {
        Side::B => fs::create_dir_all(folder()).and_then(|()| fs::write(&path, "")),
        Side::A => match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    done.map_err(|error| StackError::Io(path.display().to_string(), error))
}

impl Handle {
    pub(super) async fn roll(&self, roll: &Roll) -> Result<(), StackError> {
        let (Some(new), Some(old)) = (unit_of(&roll.new.name), unit_of(&roll.old)) else { return Ok(()) };
        tracing::info!("stack: roll {} to side {:?}", roll.service, roll.side);
        self.take(Step::Write(roll.new.clone())).await?;
        self.take(Step::Reload).await?;
        if let Err(error) = self.becomes_ready(&new, roll.has_check).await {
            if let Err(error) = self.retire(new, roll.new.name.clone()).await {
                tracing::error!("stack: {error}");
            }
            return Err(StackError::NotRolled(format!("{error} The one before it goes on.")));
        }
        ask(&roll.service, roll.side)?;
        tokio::time::sleep(ON_ITS_WAY).await;
        self.retire(old, roll.old.clone()).await
    }

    /// Starts the new one, and waits until it says that it is ready, and its check does.
    async fn becomes_ready(&self, unit: &str, has_check: bool) -> Result<(), StackError> {
        self.start(&[unit.to_owned()]).await?;
        if !has_check {
            return Ok(());
        }
        let container = unit.trim_end_matches(".service");
        let check = [format!("tayberry-check@{container}.service")];
        let passed = async {
            loop {
                if systemd::run(&self.0.bus, Job::Start, &check, CHECK).await?.is_empty() {
                    return Ok::<_, StackError>(());
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        match tokio::time::timeout(CHECK, passed).await {
            Ok(passed) => passed,
            Err(_) => self.tell_of(&[(unit.to_owned(), "unhealthy".to_owned())].into()).await,
        }
    }

    async fn retire(&self, unit: String, file: String) -> Result<(), StackError> {
        self.take(Step::Stop(unit)).await?;
        self.take(Step::Remove(file)).await?;
        self.take(Step::Reload).await
    }
}
