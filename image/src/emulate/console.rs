//! The serial console's log: what the guest wrote there, waited for or shown.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::emulate::EmulateError;

/// How often the log is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Waits until the log holds `text` behind byte `from`; returns the byte behind it.
///
/// # Errors
/// When it does not come in time.
pub fn wait_for(log: &Path, from: u64, text: &str, patience: Duration) -> Result<u64, EmulateError> {
    let deadline = Instant::now() + patience;
    loop {
        let bytes = read_from(log, from).unwrap_or_default();
        let words = String::from_utf8_lossy(&bytes);
        if let Some(at) = words.find(text) {
            return Ok(from + (at + text.len()) as u64);
        }
        if Instant::now() > deadline {
            let what = format!("{text:?} on the console ({})", log.display());
            return Err(EmulateError::Timeout { what, seconds: patience.as_secs() });
        }
        pause();
    }
}

fn read_from(log: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Copies the log to standard output as it grows, until `stop`.
pub fn show(log: PathBuf, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = 0;
        while !stop.load(Ordering::Relaxed) {
            if let Ok(bytes) = read_from(&log, from).and_then(|bytes| {
                std::io::stdout().write_all(&bytes)?;
                std::io::stdout().flush()?;
                Ok(bytes)
            }) {
                from += bytes.len() as u64;
            }
            pause();
        }
    })
}

fn pause() {
    #[allow(
        clippy::disallowed_methods,
        reason = "a file that grows cannot be waited on; callers have deadlines"
    )]
    std::thread::sleep(POLL);
}
