//! The ports, which systemd opens and hands over (sd_listen_fds(3)): this process may not open one. Which are shared with the stack's
//! gateway follows from their numbers (`tayberry-front-web.socket`).

use std::io;

use listenfd::ListenFd;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use tokio::net::{TcpListener, UnixListener};

/// The port that only redirects.
const HTTP: u16 = 80;
/// The port of browsers.
const HTTPS: u16 = 443;

/// How long accept(2) may block at most (socket(7), `SO_RCVTIMEO`).
const LONGEST: TimeVal = TimeVal::new(1, 0);

/// Ports that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketsError {
    /// None were given.
    #[error("systemd gave no port: start tayberry-front.socket")]
    None,
    /// One is not usable.
    #[error("a port from systemd: {0}")]
    Io(#[from] io::Error),
    /// One does not take its limit.
    #[error("a port from systemd: {0}")]
    Limit(#[from] nix::Error),
}

/// The ports.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    /// HTTPS, always ours.
    pub(crate) own: Vec<TcpListener>,
    /// HTTPS, unless a gateway has it.
    pub(crate) secure: Vec<TcpListener>,
    /// HTTP, unless a gateway has it.
    pub(crate) plain: Vec<TcpListener>,
    /// Where the gateway passes on what is for us.
    pub(crate) inside: Vec<UnixListener>,
}

/// Takes them over. What is neither, HTTP/3 above all, is the gateway's and left alone.
///
/// # Errors
/// When there are none.
pub(crate) fn listeners() -> Result<Listeners, SocketsError> {
    let mut given = ListenFd::from_env();
    let mut listeners = Listeners::default();
    for index in 0..given.len() {
        if let Ok(Some(listener)) = given.take_tcp_listener(index) {
            listener.set_nonblocking(true)?;
            // A gateway holds the same sockets, and may let them block: then a connection that it takes first costs us no more.
            setsockopt(&listener, sockopt::ReceiveTimeout, &LONGEST)?;
            let listener = TcpListener::from_std(listener)?;
            match listener.local_addr()?.port() {
                HTTP => listeners.plain.push(listener),
                HTTPS => listeners.secure.push(listener),
                _ => listeners.own.push(listener),
            }
        } else if let Ok(Some(listener)) = given.take_unix_listener(index) {
            listener.set_nonblocking(true)?;
            listeners.inside.push(UnixListener::from_std(listener)?);
        }
    }
    if listeners.own.is_empty() && listeners.secure.is_empty() {
        return Err(SocketsError::None);
    }
    Ok(listeners)
}
