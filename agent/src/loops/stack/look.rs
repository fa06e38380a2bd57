//! What is declared, as units, and what is on the device.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sysinfo::{MemoryRefreshKind, RefreshKind};
use tayberry_core::request::stack::{ServiceHealth, ServiceState};
use tayberry_core::stack::Stack;
use tayberry_core::stack::plan::{self, Plan, Seen};
use tayberry_core::stack::quadlet::{self, FOLDER, System, unit_of};

use super::{Handle, StackError, images, roll, secrets};
use crate::device::{journal, systemd};

/// What the files of ours begin with.
const OURS: &str = "stack-";
/// Of the device's memory, this share is for services, in percent (`services.slice`).
const SHARE: u64 = 75;

/// Memory for services, in bytes.
pub(super) fn memory() -> u64 {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    sysinfo::System::new_with_specifics(memory).total_memory() / 100 * SHARE
}

impl Handle {
    /// The way to `stack`, or to none. Users are given to services that have none, and that is saved by whoever applies.
    pub(super) async fn plan_of(&self, stack: Option<&Stack>) -> Result<Plan, StackError> {
        let mut record = self.record().clone();
        let kept = secrets::kept()?;
        let images = images::of_the_system()?;
        let system = System { images: &images, switches: systemd::soft_reboots(&self.0.bus).await? };
        let wanted = stack
            .map(|stack| quadlet::render(stack, &record.users(stack), &kept, system))
            .unwrap_or_default();
        Ok(plan::plan(&wanted, &self.seen().await?))
    }

    /// What is on the device.
    pub(super) async fn seen(&self) -> Result<Seen, StackError> {
        let files = files(Path::new(FOLDER))?;
        let mut seen = Seen { files, on_b: roll::on_b()?, ..Seen::default() };
        let named: BTreeSet<String> = seen.files.keys().filter_map(|name| unit_of(name)).collect();
        for unit in named {
            match systemd::state(&self.0.bus, &unit).await? {
                Some((state, stale)) => {
                    seen.stale |= stale;
                    seen.units.insert(unit, state);
                }
                // The generator has not read the file.
                None => seen.stale = true,
            }
        }
        Ok(seen)
    }

    /// The services of `stack`, as they are.
    pub(super) async fn services(&self, stack: &Stack) -> Result<Vec<ServiceState>, StackError> {
        let mut services = Vec::new();
        for (name, service) in &stack.services {
            let limit = service.value.memory();
            let side = roll::asked(name);
            let (facts, memory) = systemd::facts(&self.0.bus, &quadlet::unit(name, side), limit).await?;
            let (health, mut sentence) = facts.health();
            if matches!(health, ServiceHealth::Restarting | ServiceHealth::Failed) {
                // The sentence is whole without it.
                let said = journal::last_of_container(&side.stem(name)).await.ok().flatten();
                sentence.extend(said.map(|line| format!(" It said last: {line}")));
            }
            services.push(ServiceState {
                name: name.to_string(),
                image: service.value.image.value.clone(),
                health,
                sentence,
                memory_bytes: memory.filter(|_| health != ServiceHealth::Stopped),
                memory_limit_bytes: limit,
                restarts: facts.restarts,
            });
        }
        Ok(services)
    }
}

/// Our files of `folder`.
fn files(folder: &Path) -> Result<BTreeMap<String, String>, StackError> {
    let io = |error| StackError::Io(folder.display().to_string(), error);
    let mut files = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(io(error)),
    };
    for entry in entries {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(OURS) {
            files.insert(name, std::fs::read_to_string(entry.path()).map_err(io)?);
        }
    }
    Ok(files)
}
