//! The near end of the guest's relay for datagrams: a UDP port of this machine that leads to the device's.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use tayberry_guest::datagrams::{receive, send};

use crate::JourneyError;

/// Port of the device where the relay listens (`tayberry-emulator-datagrams.service`).
pub const RELAY: u16 = 7001;

/// Opens `port` of this machine for datagrams; `relay` is the port of this machine that leads to [`RELAY`].
///
/// # Errors
/// When the port is taken.
pub fn open(port: u16, relay: u16) -> Result<(), JourneyError> {
    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?);
    // Ends with the journey.
    std::thread::spawn(move || serve(&socket, relay));
    Ok(())
}

fn serve(socket: &Arc<UdpSocket>, relay: u16) -> io::Result<()> {
    let mut peers: HashMap<SocketAddr, TcpStream> = HashMap::new();
    let mut datagram = vec![0; usize::from(u16::MAX)];
    loop {
        let (length, peer) = socket.recv_from(&mut datagram)?;
        if let std::collections::hash_map::Entry::Vacant(new) = peers.entry(peer) {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay))?;
            stream.set_nodelay(true)?;
            let (back, socket) = (stream.try_clone()?, Arc::clone(socket));
            std::thread::spawn(move || -> io::Result<()> {
                loop {
                    socket.send_to(&receive(&back)?, peer)?;
                }
            });
            new.insert(stream);
        }
        if let Some(stream) = peers.get(&peer) {
            send(stream, &datagram[..length])?;
        }
    }
}
