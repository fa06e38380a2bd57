//! One update, from its first byte to the slot that was read back. It runs on a thread of its own.

use std::io::BufReader;
use std::sync::Arc;

use tayberry_core::request::update::{Available, UpdatePhase};
use tayberry_core::update::judge::{self, Device, Refusal, Tried};
use tayberry_core::update::plan::{Held, Plan};
use tayberry_core::update::reason::Reason;
use tayberry_core::update::record::{Failed, System, Target};
use tayberry_core::update::speed::Speed;
use tayberry_format::bundle::entries::Entries;
use tayberry_format::bundle::index::Index;
use tayberry_format::bundle::manifest::{BootFiles, Manifest};
use tayberry_format::bundle::version::Version;
use tayberry_format::owner::{Channel, Repository};
use tayberry_format::slot::Slot;
use tayberry_format::verity::RootHash;

use crate::device::{boot, boot_files, slots, system};
use crate::update::http::Client;
use crate::update::install::{self, InstallError, Slots, Watcher};
use crate::update::pack::{Pack, Stream};
use crate::update::ranges::Ranges;
use crate::update::scan;
use crate::update::trust::{self, Offered, TrustError, Trusted};
use crate::update::upload::{Shared, Upload};

/// Bytes of one read of the bundle.
const READ: usize = 256 << 10;

/// Where a version comes from.
pub enum Source {
    /// A bundle that is handed in.
    Upload(Upload),
    /// The newest of a channel of a repository.
    Pull(Shop),
}

/// A repository, and what is wanted of it.
pub struct Shop {
    /// Its address.
    pub address: Repository,
    /// The channel.
    pub channel: Channel,
}

/// What a job knows of the device.
pub struct Order {
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
    /// The repository has nothing newer.
    #[error("the repository offers nothing newer")]
    NothingNewer,
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

/// A job's surroundings.
pub struct Context<'a> {
    /// The device.
    pub order: &'a Order,
    /// What the owner can do to it.
    pub shared: &'a Arc<Shared>,
    /// For what waits.
    pub runtime: &'a tokio::runtime::Handle,
    /// Whoever follows it.
    pub follower: &'a dyn Follower,
}

impl Context<'_> {
    /// Carries it out. Returns once the slot is written and read back.
    ///
    /// # Errors
    /// With the reason. Unless it is [`JobError::Failed`], nothing was written.
    pub fn install(&self, source: Source) -> Result<Target, JobError> {
        self.follower.phase(UpdatePhase::Judging, 0);
        match source {
            Source::Upload(upload) => {
                // Few large reads: a connection hands its bytes over in small pieces.
                let mut entries = Entries::new(BufReader::with_capacity(READ, upload));
                let trusted = self.runtime.block_on(trust::look(&mut entries))?;
                let target = self.write(&trusted, false, |_| Box::new(Stream::new(&mut entries)))?;
                // What is behind the pack is read too: whoever sends it is not left with a broken pipe.
                std::io::copy(&mut entries, &mut std::io::sink()).unwrap_or_default();
                Ok(target)
            }
            Source::Pull(shop) => {
                let client = Client::default();
                let offered = self.ask(&client, &shop)?.ok_or(JobError::NothingNewer)?;
                self.write(&offered.trusted, true, |plan| {
                    Box::new(Ranges::new(client, offered.pack.clone(), plan.ranges(), self.shared.clone()))
                })
            }
        }
    }

    /// Asks a repository what it offers, and how that would take the place of what runs, where its manifest says. Nothing is written.
    ///
    /// # Errors
    /// When it cannot be asked, is not believed, or offers what this device does not take.
    pub fn check(&self, shop: &Shop) -> Result<Option<(Available, Option<Speed>)>, JobError> {
        self.follower.phase(UpdatePhase::Judging, 0);
        let Some(Offered { trusted: Trusted { manifest, index }, .. }) =
            self.ask(&Client::default(), shop)?
        else {
            return Ok(None);
        };
        let tried_before = match self.judge(&manifest) {
            Ok(()) => false,
            Err(JobError::Refused(Refusal::TriedBefore { .. })) => true,
            Err(error) => return Err(error),
        };
        let (running, target) = self.open()?;
        let plan = self.plan(&index, &Slots { running: &running, target: &target }, true)?;
        let available = Available {
            version: manifest.version.to_string(),
            download_bytes: plan.ranges().iter().map(|range| range.end - range.start).sum(),
            full_bytes: plan.pack_bytes,
            notes: manifest.notes,
            tried_before,
            plan: None,
        };
        let speed = (!manifest.boot_files.is_empty()).then(|| self.speed_of(&manifest.boot_files));
        Ok(Some((available, speed)))
    }

    fn ask(&self, client: &Client, shop: &Shop) -> Result<Option<Offered>, JobError> {
        let running = running()?;
        Ok(self.runtime.block_on(trust::ask(client, &shop.address, &shop.channel, &running))?)
    }

    fn judge(&self, manifest: &Manifest) -> Result<(), JobError> {
        let device = Device {
            name: system::name().to_owned(),
            version: running()?,
            root_hash: self.order.root_hash,
            firmware: boot::firmware_build(),
            page_size: u32::try_from(page_size()).unwrap_or_default(),
            data_formats: system::data_formats().map_err(|error| JobError::State(error.to_string()))?,
        };
        let failed = self.order.failed.iter();
        let tried: Vec<Tried<'_>> =
            failed.map(|one| Tried { root_hash: one.root_hash, why: &one.why }).collect();
        Ok(judge::judge(manifest, &device, &tried, self.order.again)?)
    }

    /// Cuts what the device holds. The slot that runs is of use only for what would be fetched.
    fn plan(&self, index: &Index, open: &Slots<'_>, pulled: bool) -> Result<Plan, JobError> {
        let slots = if pulled { 2 } else { 1 };
        self.follower.phase(UpdatePhase::Planning, slots * index.bytes());
        let mut looked = 0;
        let mut progress = |bytes| {
            looked += bytes;
            self.follower.moved(looked);
        };
        let held = if pulled {
            scan::held(index, open.running, open.target, &mut progress).map_err(|error| drive(&error))?
        } else {
            Held {
                target: scan::target(index, open.target, &mut progress).map_err(|error| drive(&error))?,
                ..Held::default()
            }
        };
        Ok(Plan::new(index, &held))
    }

    /// The slot that runs, and the other one.
    fn open(&self) -> Result<(scan::Slot, scan::Slot), JobError> {
        let open = |slot| slots::open(&self.order.disk, slot).map_err(|error| drive(&error));
        Ok((open(self.order.running)?, open(self.order.running.other())?))
    }

    /// Judges, writes, and reads back.
    fn write<'p>(
        &self,
        trusted: &Trusted,
        pulled: bool,
        pack: impl FnOnce(&Plan) -> Box<dyn Pack + 'p>,
    ) -> Result<Target, JobError> {
        let Trusted { manifest, index } = trusted;
        self.judge(manifest)?;
        if self.shared.is_cancelled() {
            return Err(JobError::Cancelled);
        }
        let target = Target {
            version: manifest.version.clone(),
            root_hash: manifest.root_hash,
            slot: self.order.running.other(),
            back: false,
            pulled,
            from: Some(System { version: running()?, root_hash: self.order.root_hash }),
            speed: Speed::default(),
            stack_worked: false,
            wanted: 0,
        };
        let (running, place) = self.open()?;
        let open = Slots { running: &running, target: &place };
        self.follower.accepted(&target).map_err(JobError::State)?;
        let plan = self.plan(index, &open, pulled)?;
        self.go_on()?;
        self.follower.phase(UpdatePhase::Writing, index.bytes());
        let mut watcher = Watching { follower: self.follower, shared: self.shared };
        install::write(&plan, &open, &mut *pack(&plan), &mut watcher)
            .map_err(|error| failure(&error, self.shared))?;
        self.follower.phase(UpdatePhase::Checking, index.bytes());
        let mut read = 0;
        let mut progress = |bytes| {
            read += bytes;
            self.follower.moved(read);
        };
        install::read_back(index, &place, manifest.root_hash, manifest.data_blocks, &mut progress)
            .map_err(|error| JobError::Failed(Reason::Damaged { why: error.to_string() }))?;
        // Whoever cancels while it is read back does not want it at the next restart.
        self.go_on()?;
        Ok(Target { speed: self.speed(), ..target })
    }

    /// How what the other slot holds takes the place of what runs.
    #[must_use]
    pub fn speed(&self) -> Speed {
        boot_files::speed(&self.order.disk, self.order.running, None)
    }

    /// How a system with these boot files takes the place of what runs.
    fn speed_of(&self, next: &BootFiles) -> Speed {
        boot_files::speed(&self.order.disk, self.order.running, Some(next))
    }

    /// Of something that was accepted.
    fn go_on(&self) -> Result<(), JobError> {
        if self.shared.is_cancelled() { Err(JobError::Failed(Reason::Cancelled)) } else { Ok(()) }
    }
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

/// The version that runs.
fn running() -> Result<Version, JobError> {
    let version = system::version();
    version.parse().map_err(|_| JobError::Version(version.to_owned()))
}

fn drive(error: &std::io::Error) -> JobError {
    JobError::Failed(Reason::Write { why: error.to_string() })
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
