//! A repository of updates on loopback, as a static web server would serve it; and servers that behave badly.

use std::collections::VecDeque;
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

use serde_json::{Value, json};
use tayberry::emulate::board::OUTSIDE;

use crate::bundle::{KEYS, PASSPHRASE};
use crate::{Fixture, JourneyError};

/// The channel that offers everything.
const CHANNEL: &str = "beta";
/// How long a server stands still that stands still.
const STALL: Duration = Duration::from_secs(45);

/// How one answer of the pack is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It breaks off in the middle.
    Truncates,
    /// It is shorter than was asked for, and says so.
    Lies,
    /// It stands still in the middle.
    Stalls,
}

struct Inner {
    folder: Mutex<PathBuf>,
    /// The next answers; those behind them are good.
    manners: Mutex<VecDeque<Manner>>,
    /// What packs are served from instead.
    other: Mutex<Option<PathBuf>>,
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
            manners: Mutex::default(),
            other: Mutex::default(),
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

    /// What a device is told to ask it. The databases of the tests may be stand-ins, which are not offered to everybody.
    #[must_use]
    pub fn settings(&self) -> Value {
        json!({ "repository": self.address(), "channel": CHANNEL })
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
            .args(["--days", &days.to_string(), "--channel", CHANNEL])
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

    /// Answers the next requests for packs badly, one after the other.
    pub fn behave(&self, manners: &[Manner]) {
        *lock(&self.inner.manners) = manners.iter().copied().collect();
    }

    /// How many of them were not asked for yet.
    #[must_use]
    pub fn bad_answers(&self) -> usize {
        lock(&self.inner.manners).len()
    }

    /// Serves all packs from this file from now on; each from its own if none.
    pub fn serve_packs(&self, other: Option<PathBuf>) {
        *lock(&self.inner.other) = other;
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
    let is_pack = path.ends_with("/pack");
    let other = lock(&inner.other).clone().filter(|_| is_pack);
    let file = other.unwrap_or_else(|| lock(&inner.folder).join(&path));
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
    let manner = is_pack.then(|| lock(&inner.manners).pop_front()).flatten();
    if manner == Some(Manner::Lies) {
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
        Some(Manner::Truncates | Manner::Stalls) => {
            stream.write_all(&bytes[..bytes.len() / 2])?;
            if manner == Some(Manner::Stalls) {
                stream.flush()?;
                std::thread::park_timeout(STALL);
            }
            Ok(())
        }
        _ => stream.write_all(&bytes[..length]),
    }
}
