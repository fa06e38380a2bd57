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
    read(&["--unit", unit, "--lines", &lines.to_string(), "--output=short-iso", "--no-hostname"]).await
}

/// What the container of a service itself said last, within the last quarter of an hour: longer than it waits between two starts.
/// What systemd and Podman say of it is left out: only its own lines have this field (conmon, `ctr_logging.c`).
///
/// # Errors
/// When the journal cannot be read in time.
pub async fn last_of_container(name: &str) -> io::Result<Option<String>> {
    let field = format!("CONTAINER_NAME={name}");
    Ok(read(&[&field, "--since=-15min", "--lines=1", "--output=cat"]).await?.pop())
}

/// What journalctl(1) finds, the newest last.
async fn read(asked: &[&str]) -> io::Result<Vec<String>> {
    let mut command = Command::new("journalctl");
    // What a service writes may be megabytes long; the newest counts, so it comes first here.
    command.args(asked).args(["--no-pager", "--quiet", "--reverse"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
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
