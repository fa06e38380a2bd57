//! A repository of updates on loopback, as a static web server would serve it; and servers that behave badly.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tayberry::emulate::board::OUTSIDE;

use crate::bundle::{KEYS, PASSPHRASE};
use crate::{Fixture, JourneyError};

/// How long a server stands still that stands still.
const STALL: Duration = Duration::from_secs(45);

/// How the pack is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// As asked for.
    Good,
    /// The next so many answers break off in the middle.
    Truncates(u32),
    /// The next so many answers are shorter than they say.
    Lies(u32),
    /// The next so many answers stand still in the middle.
    Stalls(u32),
    /// All answers come from this file instead.
    Other(PathBuf),
}

struct Inner {
    folder: Mutex<PathBuf>,
    manner: Mutex<Manner>,
    /// Bytes of packs that were served.
    packs: AtomicU64,
}

/// A repository and its server.
pub struct Shop<'a> {
    fixture: &'a Fixture,
    folder: tempfile::TempDir,
    inner: Arc<Inner>,
    /// Where it listens on loopback.
    pub port: u16,
}

impl<'a> Shop<'a> {
    /// Opens an empty one.
    ///
    /// # Errors
    /// When no port is free, or the folder cannot be made.
    pub fn open(fixture: &'a Fixture) -> Result<Self, JourneyError> {
        let folder = fixture.folder()?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let inner = Arc::new(Inner {
            folder: Mutex::new(folder.path().join("updates")),
            manner: Mutex::new(Manner::Good),
            packs: AtomicU64::new(0),
        });
        let served = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = served.clone();
                // A connection that breaks off is the other side's wish.
                std::thread::spawn(move || serve(&inner, stream).unwrap_or_default());
            }
        });
        Ok(Self { fixture, folder, inner, port })
    }

    /// Its address, as the device sees it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{OUTSIDE}/updates")
    }

    /// Publishes a bundle, good for so many days; 0 expires at once.
    ///
    /// # Errors
    /// With the words of `tayberry publish`.
    pub fn publish(&self, bundle: &Path, days: u32) -> Result<(), JourneyError> {
        let project = &self.fixture.paths.project;
        let output = Command::new(project.join("target/debug/tayberry"))
            .arg("publish")
            .arg(self.folder.path().join("updates"))
            .arg(bundle)
            .arg("--keys")
            .arg(project.join(KEYS))
            .arg("--passphrase-file")
            .arg(project.join(PASSPHRASE))
            .args(["--days", &days.to_string()])
            .output()?;
        let words = || JourneyError::Failed(String::from_utf8_lossy(&output.stderr).into_owned());
        if output.status.success() { Ok(()) } else { Err(words()) }
    }

    /// Keeps a copy of the metadata as it is now, to be served another time.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy(&self, name: &str) -> Result<PathBuf, JourneyError> {
        let copy = self.folder.path().join(name);
        let from = self.folder.path().join("updates");
        let status = Command::new("cp").arg("-al").arg(&from).arg(&copy).status()?;
        if status.success() { Ok(copy) } else { Err(JourneyError::Failed("cp".into())) }
    }

    /// Serves another folder from now on; the repository itself if none.
    pub fn serve(&self, folder: Option<&Path>) {
        let own = self.folder.path().join("updates");
        *lock(&self.inner.folder) = folder.map_or(own, Path::to_owned);
    }

    /// Serves packs in another manner from now on.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.inner.manner) = manner;
    }

    /// Bytes of packs that were served.
    #[must_use]
    pub fn packs(&self) -> u64 {
        self.inner.packs.load(Ordering::SeqCst)
    }

    /// The pack of a published version.
    #[must_use]
    pub fn pack(&self, version: &str) -> PathBuf {
        self.folder.path().join("updates/targets").join(version).join("pack")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request of a connection.
fn serve(inner: &Inner, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().trim_start_matches("/updates/").to_owned();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("range: bytes=") {
            range = value
                .split_once('-')
                .and_then(|(from, to)| Some(from.parse().ok()?..to.parse::<u64>().ok()? + 1));
        }
    }
    let plain = path.split('/').all(|part| !part.is_empty() && part != "..");
    let file = lock(&inner.folder).join(&path);
    let is_pack = path.ends_with("/pack");
    let file = match &*lock(&inner.manner) {
        Manner::Other(other) if is_pack => other.clone(),
        _ => file,
    };
    match File::open(file) {
        Ok(file) if plain => answer(inner, &mut stream, &file, range.as_ref(), is_pack),
        _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

fn answer(
    inner: &Inner,
    stream: &mut TcpStream,
    file: &File,
    range: Option<&Range<u64>>,
    is_pack: bool,
) -> std::io::Result<()> {
    let all = file.metadata()?.len();
    let part = range.cloned().unwrap_or(0..all);
    let mut bytes =
        vec![0; usize::try_from(part.end.min(all).saturating_sub(part.start)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, part.start)?;
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    let (start, last) = (part.start, part.end - 1);
    let mut length = bytes.len();
    let manner = if is_pack { next(inner) } else { Manner::Good };
    if let Manner::Lies(_) = manner {
        length /= 2;
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Range: bytes {start}-{last}/{all}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    if is_pack {
        inner.packs.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    }
    match manner {
        Manner::Truncates(_) | Manner::Stalls(_) => {
            stream.write_all(&bytes[..bytes.len() / 2])?;
            if let Manner::Stalls(_) = manner {
                stream.flush()?;
                std::thread::park_timeout(STALL);
            }
            Ok(())
        }
        _ => stream.write_all(&bytes[..length]),
    }
}

/// How the next answer is given; those that are counted become fewer.
fn next(inner: &Inner) -> Manner {
    let mut manner = lock(&inner.manner);
    let now = manner.clone();
    match &mut *manner {
        Manner::Truncates(left) | Manner::Lies(left) | Manner::Stalls(left) => {
            *left = left.saturating_sub(1);
            if *left == 0 {
                *manner = Manner::Good;
            }
        }
        Manner::Good | Manner::Other(_) => {}
    }
    now
}
