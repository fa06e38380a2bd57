//! The control socket: a Unix socket that only its owner may use. One connection at a time, one JSON object a line.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use tayberry_guest::protocol::Lines;

use crate::emulate::control::{Order, Reply};
use crate::emulate::machine::Machine;
use crate::emulate::{EmulateError, at};

/// How long a client may take for a line, and to take its answer.
const CLIENT: Duration = Duration::from_secs(5);
/// How long an answer may take: a guest that does not answer is given up after 10 s, a power cut after 30 s.
const ANSWER: Duration = Duration::from_secs(60);
/// How often the wish to end is looked at.
const POLL: Duration = Duration::from_millis(200);
/// Connections that wait.
const BACKLOG: i32 = 8;

/// A listening control socket; its file is gone when this is dropped.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    end: AtomicBool,
}

impl Control {
    /// Listens at `path`, with mode 0600 from the first moment. A socket that nobody serves any more is replaced.
    ///
    /// # Errors
    /// When another emulator serves it, or the path holds anything but a socket.
    pub fn listen(path: &Path) -> Result<Self, EmulateError> {
        if let Ok(found) = std::fs::symlink_metadata(path) {
            let refuse = |why| Err(EmulateError::Control(format!("{} {why}", path.display())));
            if !found.file_type().is_socket() {
                return refuse("exists and is not a socket: name another path");
            }
            if UnixStream::connect(path).is_ok() {
                return refuse("is served by another emulator: end it, or name another path");
            }
            std::fs::remove_file(path).map_err(at(path))?;
        }
        let listener = private(path).map_err(at(path))?;
        Ok(Self { listener, path: path.to_owned(), end: AtomicBool::new(false) })
    }

    /// Whether somebody ordered the end, or [`Self::close`] was called.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Makes [`Self::serve`] return soon.
    pub fn close(&self) {
        self.end.store(true, Ordering::Relaxed);
    }

    /// Obeys until the end. A client that breaks off or is too slow loses its connection and nothing else.
    pub fn serve(&self, machine: &Machine) {
        while !self.has_ended() {
            let timeout = PollTimeout::try_from(POLL).unwrap_or(PollTimeout::ZERO);
            let mut ready = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, timeout).is_ok_and(|count| count > 0)
                && let Ok((stream, _)) = self.listener.accept()
            {
                // Whoever broke off does not want to know why.
                self.talk(&stream, machine).unwrap_or_default();
            }
        }
    }

    fn talk(&self, mut stream: &UnixStream, machine: &Machine) -> io::Result<()> {
        stream.set_write_timeout(Some(CLIENT))?;
        let (mut lines, mut chunk) = (Lines::default(), [0; 1024]);
        let mut deadline = Instant::now() + CLIENT;
        while !self.has_ended() {
            let Some(read @ 1..) = read_before(stream, &mut chunk, deadline)? else { break };
            for line in lines.push(&chunk[..read]) {
                let order = line.map_err(|error| error.to_string()).and_then(|line| Order::parse(&line));
                let reply = match &order {
                    Ok(order) => order.obey(machine).unwrap_or_else(|error| refusal(&error)),
                    Err(why) => refusal(why),
                };
                let mut answer = serde_json::to_vec(&reply)?;
                answer.push(b'\n');
                stream.write_all(&answer)?;
                if order == Ok(Order::End {}) {
                    self.close();
                }
                deadline = Instant::now() + CLIENT;
            }
        }
        Ok(())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Somebody may have removed it before.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }
}

/// A listening socket whose file has mode 0600 from its beginning: the kernel takes the mode of the socket before it is
/// bound (`unix_bind_bsd` in net/unix/af_unix.c).
fn private(path: &Path) -> io::Result<UnixListener> {
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let file = File::from(fd);
    file.set_permissions(Permissions::from_mode(0o600))?;
    let fd = OwnedFd::from(file);
    bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &UnixAddr::new(path)?)?;
    listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(UnixListener::from(fd))
}

fn refusal(why: &impl ToString) -> Reply {
    Reply::Error { why: why.to_string() }
}

/// Reads once; none when nothing came before `deadline`.
fn read_before(mut stream: &UnixStream, bytes: &mut [u8], deadline: Instant) -> io::Result<Option<usize>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    stream.set_read_timeout(Some(left))?;
    match stream.read(bytes) {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
            io::ErrorKind::Interrupted => read_before(stream, bytes, deadline),
            _ => Err(error),
        },
    }
}

/// Sends one order to the emulator that serves `path` and returns its answer.
///
/// # Errors
/// When nobody serves the socket, or the answer does not come in time or is not one.
pub fn send(path: &Path, order: &Order) -> Result<Reply, EmulateError> {
    let odd = |why: String| EmulateError::Control(format!("{}: {why}", path.display()));
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            odd("no emulator serves this socket; start one with `tayberry emulate --control`".to_owned())
        }
        _ => at(path)(error),
    })?;
    stream.set_write_timeout(Some(CLIENT)).map_err(at(path))?;
    let mut line = serde_json::to_vec(order).map_err(|error| odd(error.to_string()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(at(path))?;
    let (mut lines, mut chunk, deadline) = (Lines::default(), [0; 1024], Instant::now() + ANSWER);
    loop {
        match read_before(&stream, &mut chunk, deadline).map_err(at(path))? {
            None => {
                let what = "an answer on the control socket".to_owned();
                return Err(EmulateError::Timeout { what, seconds: ANSWER.as_secs() });
            }
            Some(0) => return Err(odd("the emulator hung up".to_owned())),
            Some(read) => {
                if let Some(line) = lines.push(&chunk[..read]).into_iter().next() {
                    let line = line.map_err(|error| odd(error.to_string()))?;
                    return serde_json::from_slice(&line).map_err(|error| odd(error.to_string()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_private_and_leaves_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let control = Control::listen(&path).unwrap();
        let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let twice = Control::listen(&path).map(drop).unwrap_err().to_string();
        assert!(twice.contains("served by another emulator"), "{twice}");
        drop(control);
        assert!(!path.exists());
        assert!(send(&path, &Order::Fan {}).unwrap_err().to_string().contains("no emulator"));
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        drop(UnixListener::bind(&path).unwrap());
        drop(Control::listen(&path).unwrap());
        std::fs::write(&path, "precious").unwrap();
        assert!(Control::listen(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
