//! One update, from the first byte of its bundle to the slot that was read back. It runs on a thread of its own.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;

use tayberry_core::request::update::UpdatePhase;
use tayberry_core::update::judge::{self, Device, Refusal, Tried};
use tayberry_core::update::plan::{Held, Plan};
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{Failed, Target};
use tayberry_format::bundle::version::Version;
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::device::{boot, slots, system};
use crate::update::entries::Entries;
use crate::update::install::{self, InstallError, Watcher};
use crate::update::scan;
use crate::update::trust::{self, TrustError, Trusted};
use crate::update::upload::{Shared, Upload};

/// Bytes of one read of the bundle.
const READ: usize = 256 << 10;

/// What a job is told.
pub struct Order {
    /// The bundle.
    pub upload: Upload,
    /// Device name of the disk.
    pub disk: String,
    /// The slot that runs.
    pub running: Slot,
    /// Root hash of the system that runs.
    pub root_hash: RootHash,
    /// Versions that did not stay.
    pub failed: Vec<Failed>,
    /// The owner's word to try one of them again.
    pub again: bool,
}

/// A job that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Not believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The version that runs has a name that is none.
    #[error("the version of the system that runs cannot be read: {0}")]
    Version(String),
    /// Stopped before anything was written.
    #[error("it was cancelled")]
    Cancelled,
    /// It was accepted, and then failed.
    #[error("{}", .0.sentence())]
    Failed(Reason),
    /// The state cannot be kept.
    #[error("{0}")]
    State(String),
}

impl JobError {
    /// The device took it, and then it failed.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        if let Self::Failed(reason) = self { Some(reason) } else { None }
    }
}

/// Whoever follows a job.
pub trait Follower {
    /// A phase begins, with so many bytes to move.
    fn phase(&self, phase: UpdatePhase, bytes: u64);
    /// So many of them were moved.
    fn moved(&self, bytes: u64);
    /// The target may be written: it must be on record before this returns.
    ///
    /// # Errors
    /// When it cannot be recorded.
    fn accepted(&self, target: &Target) -> Result<(), String>;
}

/// Carries it out. Returns once the slot is written and read back.
///
/// # Errors
/// With the reason. Unless it is [`JobError::Failed`], nothing was written.
pub fn run(
    order: Order,
    shared: &Arc<Shared>,
    runtime: &tokio::runtime::Handle,
    follower: &dyn Follower,
) -> Result<Target, JobError> {
    let Order { upload, disk, running, root_hash, failed, again } = order;
    follower.phase(UpdatePhase::Judging, 0);
    // Few large reads: a connection hands its bytes over in small pieces.
    let mut entries = Entries::new(BufReader::with_capacity(READ, upload));
    let Trusted { manifest, index } = runtime.block_on(trust::look(&mut entries))?;
    let version = system::version();
    let version: Version = version.parse().map_err(|_| JobError::Version(version.to_owned()))?;
    let device = Device {
        name: system::name().to_owned(),
        version,
        root_hash,
        firmware: boot::firmware_build(),
        page_size: u32::try_from(page_size()).unwrap_or_default(),
        data_formats: BTreeMap::new(),
    };
    let tried: Vec<Tried<'_>> =
        failed.iter().map(|one| Tried { root_hash: one.root_hash, why: &one.why }).collect();
    judge::judge(&manifest, &device, &tried, again)?;

    let slot = running.other();
    let drive = |error: std::io::Error| JobError::Failed(Reason::Write { why: error.to_string() });
    let target =
        Target { version: manifest.version.clone(), root_hash: manifest.root_hash, slot, back: false };
    let place = slots::open(&disk, slot).map_err(drive)?;
    follower.accepted(&target).map_err(JobError::State)?;
    follower.phase(UpdatePhase::Planning, index.bytes());
    let mut looked = 0;
    let held = scan::target(&index, &place, &mut |bytes| {
        looked += bytes;
        follower.moved(looked);
    });
    let held = Held { target: held.map_err(drive)?, ..Held::default() };
    let plan = Plan::new(&index, &held);
    follower.phase(UpdatePhase::Writing, plan.pack_bytes);
    let mut watcher = Watching { follower, shared };
    install::write(&plan, &place, &mut entries, &mut watcher).map_err(|error| failure(&error, shared))?;
    // What is behind the pack is read too: whoever sends it is not left with a broken pipe.
    std::io::copy(&mut entries.by_ref().take(u64::MAX), &mut std::io::sink()).unwrap_or_default();
    follower.phase(UpdatePhase::Checking, index.bytes());
    install::read_back(&index, &place, manifest.root_hash, manifest.data_blocks)
        .map_err(|error| JobError::Failed(Reason::Damaged { why: error.to_string() }))?;
    Ok(target)
}

struct Watching<'a> {
    follower: &'a dyn Follower,
    shared: &'a Arc<Shared>,
}

impl Watcher for Watching<'_> {
    fn reached(&mut self, bytes: u64) -> bool {
        self.follower.moved(bytes);
        !self.shared.is_cancelled()
    }
}

/// The reason behind an install that ended early.
fn failure(error: &InstallError, shared: &Shared) -> JobError {
    if shared.is_cancelled() {
        return JobError::Failed(Reason::Cancelled);
    }
    let why = error.to_string();
    JobError::Failed(match error {
        InstallError::Cancelled => Reason::Cancelled,
        InstallError::Pack(_) | InstallError::Chunk(_) => Reason::Fetch { why },
        InstallError::Drive(_) => Reason::Write { why },
        InstallError::ReadBack { .. } | InstallError::Verity(_) => Reason::Damaged { why },
    })
}

fn page_size() -> i64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or_default()
}
