//! The virtio port that stands for the mailbox in the virtual Pi 5: one buffer there, one buffer back.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tayberry_format::property::{MAX_BYTES, size};

/// The kernel's name of the port called `name`, such as `vport0p1`, by `/sys/class/virtio-ports`.
pub(super) fn find(ports: &Path, name: &str) -> Option<OsString> {
    let named = |entry: &std::fs::DirEntry| {
        std::fs::read_to_string(entry.path().join("name")).is_ok_and(|text| text.trim_end() == name)
    };
    std::fs::read_dir(ports).ok()?.flatten().find(named).map(|entry| entry.file_name())
}

/// Sends `question` and receives one buffer, all within `patience`. The port must not block.
///
/// # Errors
/// When the emulator does not listen, or does not answer in time.
pub(super) fn exchange(
    port: &mut (impl Read + Write + AsFd),
    question: &[u8],
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + patience;
    forget(port)?;
    let mut sent = 0;
    while sent < question.len() {
        wait(port, PollFlags::POLLOUT, deadline)?;
        sent += ready(port.write(&question[sent..]))?;
    }
    let mut answer = vec![0; 4];
    fill(port, &mut answer, deadline)?;
    let bytes = answer.first_chunk().map_or(0, |first| size(*first).unwrap_or(0));
    if bytes == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("an answer that begins with {answer:?}"),
        ));
    }
    answer.resize(bytes, 0);
    fill(port, &mut answer[4..], deadline)?;
    Ok(answer)
}

/// Throws away the late answer to a question that nobody waits for any more.
fn forget(port: &mut impl Read) -> io::Result<()> {
    let mut late = [0; MAX_BYTES];
    // One answer at most is under way, since each question waits for its own.
    for _ in 0..4 {
        match port.read(&mut late) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::NotConnected, "the emulator does not listen")),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn fill(port: &mut (impl Read + AsFd), mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        wait(port, PollFlags::POLLIN, deadline)?;
        let read = match port.read(bytes) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the emulator hung up")),
            read => ready(read)?,
        };
        bytes = &mut bytes[read..];
    }
    Ok(())
}

/// A port that was ready a moment ago but is not any more: try again.
fn ready(done: io::Result<usize>) -> io::Result<usize> {
    match done {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        done => done,
    }
}

/// Waits until the port is ready for `wanted`.
fn wait(port: &impl AsFd, wanted: PollFlags, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut fds = [PollFd::new(port.as_fd(), wanted)];
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut fds, timeout) {
        Err(Errno::EINTR) => return Ok(()),
        Err(errno) => return Err(errno.into()),
        Ok(_) => {}
    }
    let seen = fds[0].revents().unwrap_or(PollFlags::empty());
    if seen.contains(wanted) {
        return Ok(());
    }
    Err(if seen.contains(PollFlags::POLLHUP) {
        io::Error::new(io::ErrorKind::NotConnected, "the emulator does not listen")
    } else {
        io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
    })
}

/// Waits.
pub(super) fn nap(time: Duration) -> io::Result<()> {
    match poll(&mut [], PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
