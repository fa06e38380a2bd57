//! The guest's system bus for tests on the workstation: a virtio port on one side, the bus' socket on the other, bytes
//! between them. One connection of the host after the other, each with its own connection to the bus.
//!
//! Where a connection begins is told by D-Bus itself: its first byte is 0 (specification, "Authentication Protocol"). A
//! host that closes and opens the port faster than the guest looks is recognised by a piece of data that begins with
//! 0 and `AUTH`: QEMU never puts data of two connections into one piece. What the bus still says to an old connection
//! is dropped here.
//!
//! Limits: an answer that was under way when its host left can reach the next host if that one connects at once; its
//! handshake then fails, and it tries again. No file descriptors; and since a port cannot be closed from this side, the host learns of a bus that hung
//! up by its own deadline only. The bus takes the host for root, whoever it says to be must be user 0.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};

use crate::port::{self, AWAY, BLIP, Found};

/// Name of the virtio port.
pub const PORT: &str = "io.tayberry.dbus";
/// The first bytes of a connection whose client sends them together, as zbus and sd-bus do.
const OPENING: &[u8] = b"\0AUTH";
/// How long either side may refuse data before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait at most until both sides are looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The host closed the port, or takes no more data.
    Host,
    /// The bus hung up, or takes no more data.
    Bus,
    /// A new connection began with these bytes.
    Again(Vec<u8>),
}

/// Serves forever.
///
/// # Errors
/// When the port is gone.
pub fn run(port: &mut (impl Read + Write + AsFd), bus: &Path) -> io::Result<Infallible> {
    let mut opening = None;
    loop {
        let first = match opening.take() {
            Some(first) => first,
            None => first(port)?,
        };
        // Without a bus nothing is answered; the host tries again.
        if let Ok(mut bus) = UnixStream::connect(bus)
            && let End::Again(first) = converse(port, &mut bus, &first)?
        {
            opening = Some(first);
        }
    }
}

/// Waits for the first bytes of a connection. Anything else belongs to one that is over.
///
/// # Errors
/// When the port is gone.
pub fn first(port: &mut (impl Read + AsFd)) -> io::Result<Vec<u8>> {
    loop {
        match port::read(port, LOOK)? {
            Found::Data(data) if data.first() == Some(&0) => return Ok(data),
            Found::Data(_) | Found::Nothing | Found::Closed => {}
        }
    }
}

/// Carries bytes between both sides until one of them ends. A young connection may find the port closed for a moment:
/// that is the end of the one before it.
///
/// # Errors
/// When the port is gone.
pub fn converse(
    port: &mut (impl Read + Write + AsFd),
    bus: &mut UnixStream,
    first: &[u8],
) -> io::Result<End> {
    bus.set_nonblocking(true)?;
    let begun = Instant::now();
    let young = || BLIP.saturating_sub(begun.elapsed());
    if port::send(bus, first, PATIENCE, Duration::ZERO).is_err() {
        return Ok(End::Bus);
    }
    loop {
        let (from_port, from_bus) = look(port, bus)?;
        // The host first: if it began anew, the bus' data is for nobody.
        if from_port {
            match port::receive(port)? {
                Found::Data(data) if data.starts_with(OPENING) => return Ok(End::Again(data)),
                Found::Data(data) if port::send(bus, &data, PATIENCE, Duration::ZERO).is_err() => {
                    return Ok(End::Bus);
                }
                Found::Closed if young().is_zero() => return Ok(End::Host),
                Found::Closed => {
                    port::nap(young().min(AWAY))?;
                    continue;
                }
                Found::Data(_) | Found::Nothing => {}
            }
        }
        if from_bus {
            match port::receive(bus) {
                Ok(Found::Data(data)) if port::send(port, &data, PATIENCE, young()).is_err() => {
                    return Ok(End::Host);
                }
                Ok(Found::Data(_) | Found::Nothing) => {}
                Ok(Found::Closed) | Err(_) => return Ok(End::Bus),
            }
        }
    }
}

/// Waits until there is something to read; which side?
fn look(port: &impl AsFd, bus: &impl AsFd) -> io::Result<(bool, bool)> {
    let mut fds = [PollFd::new(port.as_fd(), PollFlags::POLLIN), PollFd::new(bus.as_fd(), PollFlags::POLLIN)];
    port::wait(&mut fds, LOOK)?;
    let [from_port, from_bus] = fds.map(|fd| fd.any().unwrap_or(true));
    Ok((from_port, from_bus))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        let (host, port) = UnixStream::pair().unwrap();
        port.set_nonblocking(true).unwrap();
        host.set_read_timeout(Some(PATIENCE)).unwrap();
        (host, port)
    }

    fn expect(stream: &mut UnixStream, wanted: &[u8]) {
        let mut seen = vec![0; wanted.len()];
        stream.read_exact(&mut seen).unwrap();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn bytes_pass_both_ways_until_the_host_leaves() {
        let (mut host, mut port) = pair();
        let (mut daemon, mut bus) = pair();
        let bridge = std::thread::spawn(move || converse(&mut port, &mut bus, b"\0AUTH").unwrap());
        expect(&mut daemon, b"\0AUTH");
        daemon.write_all(b"OK 1234\r\n").unwrap();
        expect(&mut host, b"OK 1234\r\n");
        host.write_all(b"BEGIN\r\n").unwrap();
        expect(&mut daemon, b"BEGIN\r\n");
        drop(host);
        assert_eq!(bridge.join().unwrap(), End::Host);
        assert_eq!(daemon.read(&mut [0]).unwrap(), 0, "the bus must see the end");
    }

    #[test]
    fn a_bus_that_hangs_up_ends_the_connection() {
        let (_host, mut port) = pair();
        let (daemon, mut bus) = pair();
        let bridge = std::thread::spawn(move || converse(&mut port, &mut bus, b"\0").unwrap());
        drop(daemon);
        assert_eq!(bridge.join().unwrap(), End::Bus);
    }

    #[test]
    fn a_new_connection_gets_a_new_one_to_the_bus_even_if_its_beginning_was_missed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let listener = UnixListener::bind(&path).unwrap();
        let (mut host, mut port) = pair();
        // The bridge never ends by itself; it ends with the test.
        std::thread::spawn(move || run(&mut port, &path));
        host.write_all(b"rest of an old message").unwrap();
        // Without a pause both pieces would arrive as one, which a real port never does.
        port::nap(Duration::from_millis(100)).unwrap();
        host.write_all(b"\0AUTH one").unwrap();
        let (mut one, _) = listener.accept().unwrap();
        expect(&mut one, b"\0AUTH one");
        host.write_all(b"\0AUTH two").unwrap();
        let (mut two, _) = listener.accept().unwrap();
        expect(&mut two, b"\0AUTH two");
        assert_eq!(one.read(&mut [0]).unwrap(), 0, "the first connection must be over");
    }
}
