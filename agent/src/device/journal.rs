//! What a unit said last (journalctl(1)).

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// How long it may take to be read.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest text that is read, in bytes.
const LONGEST: u64 = 32 << 10;

/// The last lines of `unit`, the newest last; `lines` at most.
///
/// # Errors
/// When the journal cannot be read in time.
pub async fn last(unit: &str, lines: u32) -> io::Result<Vec<String>> {
    let mut command = Command::new("journalctl");
    command.args([
        "--unit",
        unit,
        "--lines",
        &lines.to_string(),
        "--output=short-iso",
        "--no-pager",
        "--no-hostname",
    ]);
    // What a service writes may be megabytes long; the newest counts, so it comes first here.
    command.args(["--quiet", "--reverse"]).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    let read = async {
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut text = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(LONGEST).read_to_end(&mut text).await?;
        }
        Ok::<_, io::Error>(text)
    };
    let text = tokio::time::timeout(PATIENCE, read)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    lines.reverse();
    Ok(lines)
}
