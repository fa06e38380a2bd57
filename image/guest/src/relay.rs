//! A TCP relay: whoever connects here talks to somebody else. The tests reach the device through the air with it.

use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// How long the other end may take to answer a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves forever.
///
/// # Errors
/// When the port is gone.
pub fn run(listener: &TcpListener, target: SocketAddr) -> io::Result<Infallible> {
    loop {
        let (near, _) = listener.accept()?;
        // Whoever connected sees an end without data when nobody is at the other end.
        std::thread::spawn(move || {
            if let Ok(far) = TcpStream::connect_timeout(&target, PATIENCE) {
                carry(&near, &far).unwrap_or_default();
            }
        });
    }
}

/// Carries bytes both ways until both sides have said everything.
fn carry(near: &TcpStream, far: &TcpStream) -> io::Result<()> {
    let (mut near_in, mut far_out) = (near.try_clone()?, far.try_clone()?);
    let there = std::thread::spawn(move || {
        let done = io::copy(&mut near_in, &mut far_out);
        far_out.shutdown(Shutdown::Write).and(done)
    });
    let (mut far_in, mut near_out) = (far, near);
    io::copy(&mut far_in, &mut near_out)?;
    near.shutdown(Shutdown::Write)?;
    drop(there.join());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_pass_both_ways() {
        let echo = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = echo.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = echo.accept().unwrap();
            let mut word = [0; 4];
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
        });
        let relay = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = relay.local_addr().unwrap();
        std::thread::spawn(move || run(&relay, target));
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"ping").unwrap();
        let mut answer = Vec::new();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"ping");
    }
}
