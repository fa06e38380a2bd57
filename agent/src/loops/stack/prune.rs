//! Removes images of earlier stacks that neither the declared one nor the one before it names. What services keep is never removed by
//! itself.

use std::path::Path;
use std::time::Duration;

use tayberry_core::stack::Stack;
use tayberry_core::stack::images::{self, Image};
use tayberry_core::stack::record::Record;

use super::{Handle, StackError, store};
use crate::device::systemd::{self, Job};
use crate::device::whole_file;

/// Where Podman lists what it fetched (containers/storage, images.go).
const LIST: &str = "/var/lib/containers/storage/overlay-images/images.json";
/// Longest list that is read, in bytes.
const MOST_BYTES: u64 = 8 << 20;
/// How long Podman may take for one.
const WITHIN: Duration = Duration::from_secs(120);

impl Handle {
    /// Removes them. Those that cannot be removed now are tried again after the next change.
    pub(super) async fn prune(&self) {
        let mut record = self.record().clone();
        if record.forgotten().is_empty() {
            return;
        }
        let pruned = async {
            self.remove_unneeded(&record).await?;
            record.are_removed();
            self.save(record).await
        };
        if let Err(error) = pruned.await {
            tracing::warn!("images of earlier stacks are not removed: {error}");
        }
    }

    async fn remove_unneeded(&self, record: &Record) -> Result<(), StackError> {
        let declared = [Some(&record.declared), record.previous.as_ref()];
        let stacks: Vec<Option<Stack>> =
            declared.into_iter().flatten().map(store::stack).collect::<Result<_, _>>()?;
        let stacks: Vec<&Stack> = stacks.iter().flatten().collect();
        let list: Option<Vec<Image>> = whole_file::json(Path::new(LIST), MOST_BYTES)
            .map_err(|error| StackError::Io(LIST.into(), error))?;
        let list = list.unwrap_or_default();
        for id in images::unneeded(&list, &stacks, record.forgotten()) {
            let unit = format!("tayberry-forget@{id}.service");
            if !systemd::run(&self.0.bus, Job::Start, std::slice::from_ref(&unit), WITHIN).await?.is_empty() {
                return Err(StackError::NotStarted(format!("see `journalctl -u {unit}`")));
            }
            tracing::info!("stack: the image {id} was removed");
        }
        Ok(())
    }
}
