//! Downloads locked packages into the cache: parallel, resumable, checked against their hash before they get
//! their name. What to download is decided by the lock.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::lock::Package;
use crate::mirror::Mirror;
use crate::ui::{Stage, Ui, human};

/// Downloads at the same time; more would only make a mirror angry.
const PARALLEL: usize = 6;
/// Attempts for one package before giving up.
const ATTEMPTS: u32 = 4;

/// A package that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The cache cannot be used.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The mirror no longer has it.
    #[error("the mirror no longer has {}: run `tayberry lock`, or build without --locked", .0.join(", "))]
    Gone(Vec<String>),
    /// Only the cache may be used, and it is not there.
    #[error("{} of {total} packages are not in the cache ({} first): build once without --offline", missing.len(), missing[0])]
    Offline {
        /// What is missing; never empty.
        missing: Vec<String>,
        /// How many packages are needed.
        total: usize,
    },
    /// The mirror answered something else.
    #[error("{url}: {error}")]
    Network {
        /// The address.
        url: String,
        /// The reason.
        error: Box<ureq::Error>,
    },
    /// The mirror's file differs from the lock.
    #[error(
        "{url} is not what the lock says: it has SHA-256 {found}, not {expected}. Use another mirror, or run `tayberry lock`"
    )]
    Altered {
        /// The address.
        url: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The connection broke off each time.
    #[error(
        "{url} broke off after {have} of {want} bytes, {ATTEMPTS} times; run the command again to continue"
    )]
    Truncated {
        /// The address.
        url: String,
        /// Bytes that are there.
        have: u64,
        /// Bytes that the lock says.
        want: u64,
    },
}

/// The download cache.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache below `cache`.
    #[must_use]
    pub fn new(cache: &Path) -> Self {
        Self { folder: cache.join("packages") }
    }

    /// Where a package lies, or will lie. The name carries the hash: a file with this name was checked.
    #[must_use]
    pub fn file_of(&self, package: &Package) -> PathBuf {
        let short = package.sha256.get(..16).unwrap_or(&package.sha256);
        self.folder.join(format!("{}_{}_{short}.deb", package.name, package.architecture))
    }

    /// Makes sure that all of `packages` are in the cache, unaltered. Without a mirror only the cache is used.
    ///
    /// # Errors
    /// Names what is gone from the mirror, altered, or missing offline.
    pub fn fetch(&self, packages: &[Package], mirror: Option<&Mirror>, ui: Ui) -> Result<(), FetchError> {
        let io = |error| FetchError::Io { path: self.folder.clone(), error };
        std::fs::create_dir_all(&self.folder).map_err(io)?;
        // A package may be locked for the device and for the tools: two downloads of it would take each other's file away.
        let mut once = std::collections::BTreeSet::new();
        let missing =
            packages.iter().filter(|package| !self.has(package) && once.insert(self.file_of(package)));
        let missing: Vec<&Package> = missing.collect();
        let names = |list: &[&Package]| list.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let Some(mirror) = mirror else {
            return Err(FetchError::Offline { missing: names(&missing), total: packages.len() });
        };
        let total = missing.iter().map(|package| package.size).sum();
        let stage = ui.stage("download", Some(total));
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_recv_body(Some(Duration::from_secs(1800)))
            .build()
            .into();
        let queue = Mutex::new(missing.iter().copied());
        let gone = Mutex::new(Vec::new());
        let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
        let worker = || -> Result<(), FetchError> {
            while let Some(package) = next() {
                if !self.download(&agent, mirror, package, &stage)? {
                    gone.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(package);
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
        })?;
        let gone = gone.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        stage.finish(&format!("{} packages, {}", missing.len(), human(total)));
        if gone.is_empty() { Ok(()) } else { Err(FetchError::Gone(names(&gone))) }
    }

    /// A file of the right size under its final name was checked when it came; its hash is checked once more when
    /// it is unpacked.
    fn has(&self, package: &Package) -> bool {
        std::fs::metadata(self.file_of(package)).is_ok_and(|meta| meta.len() == package.size)
    }

    /// Downloads one package, continuing an earlier part. False when the mirror does not have it.
    fn download(
        &self,
        agent: &ureq::Agent,
        mirror: &Mirror,
        package: &Package,
        stage: &Stage,
    ) -> Result<bool, FetchError> {
        let Some(url) = mirror.url(package) else { return Ok(false) };
        let part = self.file_of(package).with_extension("part");
        let io = |error| FetchError::Io { path: part.clone(), error };
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&part).map_err(io)?;
        let mut have = file.metadata().map_err(io)?.len();
        let mut attempt = 0;
        stage.add(have.min(package.size));
        while have != package.size {
            if attempt == ATTEMPTS || have > package.size {
                break;
            }
            attempt += 1;
            match receive(agent, &url, have, &mut file, package.size, stage) {
                Ok(Received::Bytes) => {}
                Ok(Received::Gone) => return Ok(false),
                Err(FetchError::Network { .. }) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
            }
            have = file.metadata().map_err(io)?.len();
        }
        if have < package.size {
            return Err(FetchError::Truncated { url, have, want: package.size });
        }
        file.sync_data().map_err(io)?;
        let found = crate::files::sha256(&part).map_err(io)?;
        if found != package.sha256 {
            std::fs::remove_file(&part).map_err(io)?;
            return Err(FetchError::Altered { url, found, expected: package.sha256.clone() });
        }
        std::fs::rename(&part, self.file_of(package)).map_err(io)?;
        Ok(true)
    }

    /// Checks the hash of a package in the cache right before it is used; a damaged one is removed.
    ///
    /// # Errors
    /// When it cannot be read or differs from the lock.
    pub fn check(&self, package: &Package) -> Result<PathBuf, FetchError> {
        let path = self.file_of(package);
        let io = |error| FetchError::Io { path: path.clone(), error };
        let found = crate::files::sha256(&path).map_err(io)?;
        if found == package.sha256 {
            return Ok(path);
        }
        std::fs::remove_file(&path).map_err(io)?;
        Err(FetchError::Altered { url: path.display().to_string(), found, expected: package.sha256.clone() })
    }
}

enum Received {
    Bytes,
    Gone,
}

/// Appends what the mirror sends from byte `have` on, up to `want` bytes and one more (so that a longer file is seen).
fn receive(
    agent: &ureq::Agent,
    url: &str,
    have: u64,
    file: &mut File,
    want: u64,
    stage: &Stage,
) -> Result<Received, FetchError> {
    let io = |error| FetchError::Io { path: PathBuf::from(url), error };
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(ureq::Error::StatusCode(404 | 410)) => return Ok(Received::Gone),
        Err(error) => return Err(FetchError::Network { url: url.to_owned(), error: Box::new(error) }),
    };
    let mut from = have;
    if response.status() != 206 {
        // The server sends the whole file again.
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        from = 0;
    }
    let mut body = response.into_body().into_reader().take((want + 1).saturating_sub(from));
    let mut buffer = vec![0; 1 << 16];
    loop {
        // A broken connection leaves the part; the next attempt continues it.
        let Ok(read) = body.read(&mut buffer) else { return Ok(Received::Bytes) };
        if read == 0 {
            return Ok(Received::Bytes);
        }
        file.write_all(&buffer[..read]).map_err(io)?;
        stage.add(read as u64);
    }
}
