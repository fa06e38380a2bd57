//! A neighbour that speaks multicast DNS (RFC 6762): asks for a name, or holds one so that nobody else gets it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt::ReuseAddr,
};

/// Group and port (RFC 6762, section 3).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
/// Type A, type ANY, class IN, and the bit that says that nobody else has this name (section 10.2).
const A: u16 = 1;
const ANY: u16 = 255;
const IN: u16 = 1;
const UNIQUE: u16 = 0x8000;
/// Flags of an authoritative answer.
const ANSWER: u16 = 0x8400;
/// How often a question is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// A name as labels with their lengths.
fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn message(flags: u16, questions: u16, answers: u16, rest: &[&[u8]]) -> Vec<u8> {
    let head = [0, flags, questions, answers, 0, 0].map(u16::to_be_bytes).concat();
    [head, rest.concat()].concat()
}

/// The question for the address of a name.
#[must_use]
pub fn question(name: &str) -> Vec<u8> {
    message(0, 1, 0, &[&labels(name), &A.to_be_bytes(), &IN.to_be_bytes()])
}

/// The answer that a name has this address.
#[must_use]
pub fn answer(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let kind = [A, IN | UNIQUE].map(u16::to_be_bytes).concat();
    let lifetime = 120_u32.to_be_bytes();
    let record = [kind.as_slice(), &lifetime, &4_u16.to_be_bytes(), &address.octets()].concat();
    message(ANSWER, 0, 1, &[&labels(name), &record])
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// Whether a message asks for a name. The first name of a message is never compressed.
#[must_use]
pub fn asks(bytes: &[u8], name: &str) -> bool {
    let wanted = labels(name);
    let is_question = number(bytes, 2).is_some_and(|flags| flags & 0x8000 == 0);
    let same = bytes.get(12..12 + wanted.len()).is_some_and(|found| found.eq_ignore_ascii_case(&wanted));
    let kind = number(bytes, 12 + wanted.len());
    is_question && same && kind.is_some_and(|kind| kind == A || kind == ANY)
}

/// The address that an answer gives a name: its first record that is an address of this name.
#[must_use]
pub fn address(bytes: &[u8], name: &str) -> Option<Ipv4Addr> {
    let wanted = labels(name);
    if number(bytes, 2)? & 0x8000 == 0 {
        return None;
    }
    let lower = bytes.to_ascii_lowercase();
    let at =
        lower.windows(wanted.len()).position(|found| found == wanted.to_ascii_lowercase())? + wanted.len();
    if number(bytes, at)? != A || number(bytes, at + 8)? != 4 {
        return None;
    }
    let octets: [u8; 4] = bytes.get(at + 10..at + 14)?.try_into().ok()?;
    Some(octets.into())
}

fn open(own: Ipv4Addr) -> io::Result<UdpSocket> {
    let fd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, ReuseAddr, &true)?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &SockaddrIn::new(0, 0, 0, 0, PORT))?;
    let socket = UdpSocket::from(fd);
    socket.join_multicast_v4(&GROUP, &own)?;
    socket.set_read_timeout(Some(AGAIN))?;
    Ok(socket)
}

/// Asks until somebody answers. `own` is the address of the interface to ask on.
///
/// # Errors
/// When nobody answers in time.
pub fn ask(name: &str, own: Ipv4Addr, patience: Duration) -> io::Result<Ipv4Addr> {
    let socket = open(own)?;
    let deadline = Instant::now() + patience;
    let mut buffer = [0; 9000];
    while Instant::now() < deadline {
        socket.send_to(&question(name), SocketAddrV4::new(GROUP, PORT))?;
        let next = Instant::now() + AGAIN;
        while Instant::now() < next {
            let Ok((length, _)) = socket.recv_from(&mut buffer) else { break };
            if let Some(found) = address(&buffer[..length], name) {
                return Ok(found);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("nobody answers for {name}")))
}

/// Holds a name for this machine.
///
/// # Errors
/// When the network is gone.
pub fn hold(name: &str, own: Ipv4Addr) -> io::Result<std::convert::Infallible> {
    let socket = open(own)?;
    let mut buffer = [0; 9000];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, _)) if asks(&buffer[..length], name) => {
                socket.send_to(&answer(name, own), SocketAddrV4::new(GROUP, PORT))?;
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn questions_and_answers_are_told_apart() {
        let own = Ipv4Addr::new(192, 168, 77, 1);
        assert!(asks(&question("tayberry.local"), "Tayberry.local"));
        assert!(!asks(&question("tayberry2.local"), "tayberry.local"));
        assert!(!asks(&answer("tayberry.local", own), "tayberry.local"));
        assert_eq!(address(&answer("tayberry.local", own), "tayberry.local"), Some(own));
        assert_eq!(address(&question("tayberry.local"), "tayberry.local"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(!(asks(&bytes, "a.local") && address(&bytes, "a.local").is_some()));
        }
    }
}
