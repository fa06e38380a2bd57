//! Datagrams through a TCP connection, each after its length in two bytes, most significant first: QEMU's user network carries none out
//! of a guest that may reach nobody (libslirp, `udp_input`: `restricted`). The tests speak HTTP/3 with the device through it.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

/// Writes one datagram; the longest is 65 535 bytes.
///
/// # Errors
/// When the other end is gone, or the datagram is longer.
pub fn send(mut to: impl Write, datagram: &[u8]) -> io::Result<()> {
    let length = u16::try_from(datagram.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&[length.to_be_bytes().as_slice(), datagram].concat())
}

/// Reads one datagram.
///
/// # Errors
/// When the other end is gone.
pub fn receive(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let mut datagram = vec![0; usize::from(u16::from_be_bytes(length))];
    from.read_exact(&mut datagram)?;
    Ok(datagram)
}

/// Serves forever: each connection is somebody with a port of their own, who talks to `target`.
///
/// # Errors
/// When the port is gone.
pub fn run(listener: &TcpListener, target: SocketAddr) -> io::Result<Infallible> {
    loop {
        let (near, _) = listener.accept()?;
        // Whoever connected hears nothing when nobody is at the other end, as with datagrams.
        std::thread::spawn(move || carry(&near, target).unwrap_or_default());
    }
}

/// Carries datagrams both ways until the connection ends; the way back waits for another one until the relay ends.
fn carry(near: &TcpStream, target: SocketAddr) -> io::Result<()> {
    near.set_nodelay(true)?;
    let far = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    far.connect(target)?;
    let (answers, back) = (far.try_clone()?, near.try_clone()?);
    std::thread::spawn(move || -> io::Result<()> {
        let mut datagram = vec![0; usize::from(u16::MAX)];
        loop {
            // Nobody at the other end is said as an error of the next call; whoever asks may ask again.
            let Ok(length) = answers.recv(&mut datagram) else { continue };
            send(&back, &datagram[..length])?;
        }
    });
    loop {
        let datagram = receive(near)?;
        far.send(&datagram).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_keep_their_ends() {
        let echo = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = echo.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut datagram = [0; 2000];
            while let Ok((length, peer)) = echo.recv_from(&mut datagram) {
                echo.send_to(&datagram[..length], peer).unwrap();
            }
        });
        let relay = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = relay.local_addr().unwrap();
        std::thread::spawn(move || run(&relay, target));
        let stream = TcpStream::connect(address).unwrap();
        for said in [b"one".as_slice(), b"", &[7; 1500]] {
            send(&stream, said).unwrap();
            assert_eq!(receive(&stream).unwrap(), said);
        }
        assert!(send(&stream, &[0; 65_536]).is_err());
    }
}
