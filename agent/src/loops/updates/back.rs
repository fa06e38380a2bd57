//! The way back: the system that ran before, if it is whole.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::update::{RestartWish, UpdatePhase, Updates};
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{Event, System, Target};
use tayberry_core::update::speed::Speed;
use tayberry_format::verity::RootHash;

use super::{Handle, lock, work};
use crate::device::{boot_files, slots, system};
use crate::update::job::{Context, JobError};

impl Handle {
    /// Goes back to the system that ran before, on trial as every other.
    ///
    /// # Errors
    /// When there is none, it is not whole, or something is under way.
    pub async fn roll_back(&self, wish: RestartWish) -> Result<Updates, Problem> {
        let previous = lock(&self.0.record).previous.clone();
        let previous = previous.ok_or_else(|| {
            Problem::new(Kind::UpdateRefused, "The other slot holds no system that ran before.")
        })?;
        let target = self.way_back(previous).map_err(|error| work::problem(&error))?;
        let root_hash = target.root_hash;
        let done = self.begin(
            false,
            move |context| verify(context, root_hash).map(|()| context.speed()),
            move |handle, result| {
                let speed = result.map_err(|error| work::problem(&error))?;
                let target = Target { speed, ..target };
                handle.advance(Event::Verified(target)).map_err(|error| super::busy(&error))
            },
        )?;
        self.end_of(done).await?;
        self.restart(wish).await
    }

    /// Sees what going back would take, so that it is said before anybody does.
    pub(super) async fn look_back(&self) -> Result<(), tokio::task::JoinError> {
        if lock(&self.0.record).previous.is_none() {
            return Ok(());
        }
        let (disk, running) = (self.0.report.disk.clone(), self.0.running);
        let speed = tokio::task::spawn_blocking(move || boot_files::speed(&disk, running, None)).await?;
        *lock(&self.0.way_back) = Some(speed);
        Ok(())
    }

    fn way_back(&self, previous: System) -> Result<Target, JobError> {
        let version = system::version();
        let running = version.parse().map_err(|_| JobError::Version(version.to_owned()))?;
        Ok(Target {
            version: previous.version,
            root_hash: previous.root_hash,
            slot: self.0.running.other(),
            back: true,
            pulled: false,
            from: Some(System { version: running, root_hash: self.0.report.root_hash }),
            speed: Speed::default(),
            stack_worked: false,
            wanted: 0,
        })
    }
}

/// Reads the whole slot through its hash tree.
fn verify(context: &Context<'_>, wanted: RootHash) -> Result<(), JobError> {
    let order = context.order;
    let slot = order.running.other();
    context.follower.phase(UpdatePhase::Checking, 0);
    let mut read = 0;
    let mut progress = |bytes| {
        read += bytes;
        context.follower.moved(read);
    };
    let damaged = |why| JobError::Failed(Reason::WouldNotBoot { why });
    let found = slots::verify(&order.disk, slot, &mut progress).map_err(damaged)?;
    if found != wanted {
        return Err(damaged(format!("slot {slot} holds another system, with root hash {found}")));
    }
    if context.shared.is_cancelled() { Err(JobError::Cancelled) } else { Ok(()) }
}
