//! Reads the list of packages inside a verified system partition, with the locked `dump.erofs`: the file system may come
//! from anywhere, so how long the tool runs and how much it says is limited.

use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tayberry_format::layout;
use tayberry_format::packages::{Contents, FORMAT, MAX_BYTES, PATH};
use tayberry_format::slot::Slot;

use crate::tools::Tools;

/// How long the tool may take; it needs a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The tool cannot be run.
    #[error("dump.erofs cannot be run: {0}")]
    Run(#[from] std::io::Error),
    /// There is none.
    #[error("the system partition has no {PATH}: it was built by an older version")]
    Missing,
    /// The tool gave up.
    #[error("dump.erofs cannot read the system partition ({0})")]
    Failed(std::process::ExitStatus),
    /// Too much, or too long.
    #[error("reading {PATH} took more than {} s or gave more than {MAX_BYTES} bytes", PATIENCE.as_secs())]
    Limit,
    /// It is none.
    #[error("{PATH} in the system partition is not a list of packages: {0}")]
    Parse(#[from] serde_json::Error),
    /// Another version's.
    #[error("{PATH} in the system partition has format {0}, this tayberry reads {FORMAT}")]
    Format(u32),
}

/// The list in the system partition of `slot`, the largest package first.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn read(tools: &Tools, disk: &Path, slot: Slot) -> Result<Contents, ContentsError> {
    #[derive(serde::Deserialize)]
    struct Any {
        format: u32,
    }
    let mut child = tools
        .command("dump.erofs")
        .arg(format!("--offset={}", layout::system(slot).start))
        .arg(format!("--path=/{PATH}"))
        .arg("--cat")
        .arg(disk)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = output(&mut child);
    if !matches!(output, Ok(Some(_))) {
        child.kill()?;
    }
    let status = child.wait()?;
    let bytes = output?.ok_or(ContentsError::Limit)?;
    if !status.success() {
        return Err(ContentsError::Failed(status));
    }
    // The tool says so in words only.
    if bytes.is_empty() {
        return Err(ContentsError::Missing);
    }
    match serde_json::from_slice::<Any>(&bytes)?.format {
        FORMAT => {
            let mut contents: Contents = serde_json::from_slice(&bytes)?;
            contents.packages.sort_by_key(|package| std::cmp::Reverse(package.bytes));
            Ok(contents)
        }
        other => Err(ContentsError::Format(other)),
    }
}

/// What the tool prints until it ends; none when that is too much or takes too long.
fn output(child: &mut Child) -> std::io::Result<Option<Vec<u8>>> {
    let Some(mut pipe) = child.stdout.take() else { return Ok(None) };
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let left = PollTimeout::try_from(deadline.saturating_duration_since(Instant::now()));
        let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, left.unwrap_or(PollTimeout::ZERO))? == 0 || bytes.len() as u64 > MAX_BYTES {
            return Ok(None);
        }
        match pipe.read(&mut buffer)? {
            0 => return Ok(Some(bytes)),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
