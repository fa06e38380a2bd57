//! The ports, which systemd opens and hands over (sd_listen_fds(3)): this process may not open one.

use std::io;

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// The port that only redirects.
const HTTP: u16 = 80;

/// Ports that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketsError {
    /// None were given.
    #[error("systemd gave no port: start tayberry-front.socket")]
    None,
    /// One is not usable.
    #[error("a port from systemd: {0}")]
    Io(#[from] io::Error),
}

/// The ports.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// HTTPS.
    pub(crate) secure: Vec<TcpListener>,
    /// HTTP.
    pub(crate) plain: Vec<TcpListener>,
}

/// Takes them over.
///
/// # Errors
/// When there are none.
pub(crate) fn listeners() -> Result<Listeners, SocketsError> {
    let mut given = ListenFd::from_env();
    let mut listeners = Listeners { secure: Vec::new(), plain: Vec::new() };
    for index in 0..given.len() {
        let Some(listener) = given.take_tcp_listener(index)? else { continue };
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        if listener.local_addr()?.port() == HTTP {
            listeners.plain.push(listener);
        } else {
            listeners.secure.push(listener);
        }
    }
    if listeners.secure.is_empty() { Err(SocketsError::None) } else { Ok(listeners) }
}
