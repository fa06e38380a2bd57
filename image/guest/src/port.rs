//! Virtio ports in the guest: finding them by name, and reading and writing with deadlines.
//!
//! How such a port behaves (kernel, drivers/char/virtio_console.c): while the host's side is closed, `poll` says hang-up,
//! `read` returns 0 bytes once the data that is left was read, and `write` waits. A port that the host opens again
//! goes on as if nothing had been. The news that the host closed or opened it comes by another queue than the data and
//! may be late: data of a new connection can be read while the port still seems closed, or closes once more.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Largest piece of data in bytes; the kernel hands over at most a page at once.
pub const CHUNK: usize = 4096;
/// How often a closed port is looked at: nothing tells of its opening, `poll` returns at once with a hang-up.
pub const AWAY: Duration = Duration::from_millis(50);
/// How often a port that seems closed for a moment is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long a port may seem closed although the host has opened it.
pub const BLIP: Duration = Duration::from_millis(500);
/// How long the port's device may take to appear after the service starts.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a look at a port found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Data.
    Data(Vec<u8>),
    /// Nothing, within the time.
    Nothing,
    /// The other side is closed.
    Closed,
}

/// Opens a port by its name, as soon as the kernel knows it. Udev's links are not needed.
///
/// # Errors
/// When it does not appear within 30 seconds, or somebody else has it open.
pub fn open(name: &str) -> io::Result<File> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sys = Path::new("/sys/class/virtio-ports");
        if let Some(device) = find(sys, name) {
            let path = Path::new("/dev").join(device);
            return OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
                .open(path);
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such port"));
        }
        nap(AWAY)?;
    }
}

/// The kernel's name of a port, such as `vport0p1`. `sys` is `/sys/class/virtio-ports`.
#[must_use]
pub fn find(sys: &Path, name: &str) -> Option<std::ffi::OsString> {
    let entries = std::fs::read_dir(sys).ok()?.flatten();
    let named = |entry: &std::fs::DirEntry| {
        std::fs::read_to_string(entry.path().join("name")).is_ok_and(|text| text.trim_end() == name)
    };
    entries.into_iter().find(named).map(|entry| entry.file_name())
}

/// Waits.
///
/// # Errors
/// None in practice.
pub fn nap(time: Duration) -> io::Result<()> {
    wait(&mut [], time)
}

/// Waits until one of `fds` is ready, or the time is over.
///
/// # Errors
/// When a descriptor is bad.
pub fn wait(fds: &mut [PollFd<'_>], time: Duration) -> io::Result<()> {
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    match poll(fds, timeout) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads what is there, or waits for it so long. A closed port makes it wait, too.
///
/// # Errors
/// When the port is gone.
pub fn read(port: &mut (impl Read + AsFd), time: Duration) -> io::Result<Found> {
    {
        let mut fds = [PollFd::new(port.as_fd(), PollFlags::POLLIN)];
        wait(&mut fds, time)?;
        let seen = fds[0].revents().unwrap_or(PollFlags::empty());
        if !seen.intersects(PollFlags::POLLIN | PollFlags::POLLHUP) {
            return Ok(Found::Nothing);
        }
    }
    let found = receive(port)?;
    if found == Found::Closed {
        nap(time.min(AWAY))?;
    }
    Ok(found)
}

/// Reads what is there, without waiting.
///
/// # Errors
/// When the other side broke off.
pub fn receive(from: &mut impl Read) -> io::Result<Found> {
    let mut chunk = vec![0; CHUNK];
    match from.read(&mut chunk) {
        Ok(0) => Ok(Found::Closed),
        Ok(length) => {
            chunk.truncate(length);
            Ok(Found::Data(chunk))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(Found::Nothing)
        }
        Err(error) => Err(error),
    }
}

/// Writes everything within `time`; waits for a closed side as long as `blip`.
///
/// # Errors
/// When the other side is closed or does not take it in time.
pub fn send(
    to: &mut (impl Write + AsFd),
    mut bytes: &[u8],
    time: Duration,
    blip: Duration,
) -> io::Result<()> {
    let begun = Instant::now();
    let deadline = begun + time;
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let seen = {
            let mut fds = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
            wait(&mut fds, left)?;
            fds[0].revents().unwrap_or(PollFlags::empty())
        };
        if seen.contains(PollFlags::POLLHUP) {
            if begun.elapsed() >= blip {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            nap(LOOK)?;
        } else if seen.contains(PollFlags::POLLOUT) {
            match to.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_port_is_found_by_its_name() {
        let sys = tempfile::tempdir().unwrap();
        for (device, name) in [("vport0p1", "io.tayberry.gpio\n"), ("vport0p2", "io.tayberry.dbus\n")] {
            std::fs::create_dir(sys.path().join(device)).unwrap();
            std::fs::write(sys.path().join(device).join("name"), name).unwrap();
        }
        assert_eq!(find(sys.path(), "io.tayberry.dbus"), Some("vport0p2".into()));
        assert_eq!(find(sys.path(), "io.tayberry"), None);
        assert_eq!(find(&sys.path().join("none"), "io.tayberry.dbus"), None);
    }

    #[test]
    fn reads_and_writes_end_in_time() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        assert_eq!(read(&mut here, Duration::from_millis(5)).unwrap(), Found::Nothing);
        there.write_all(b"x").unwrap();
        assert_eq!(read(&mut here, Duration::from_secs(5)).unwrap(), Found::Data(b"x".to_vec()));
        let flood = vec![0; 8 << 20];
        let error = send(&mut here, &flood, Duration::from_millis(50), BLIP).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(there);
        // A reset or an orderly end, as the kernel sees it: in both cases nothing more comes.
        assert!(matches!(read(&mut here, Duration::from_millis(5)), Ok(Found::Closed) | Err(_)));
        assert!(send(&mut here, b"x", Duration::from_secs(5), BLIP).is_err());
    }
}
