//! The front in rescue: opens the ports for it, runs it without rights, and answers it over a socket of its own instead of the
//! system bus.

use std::net::{Ipv6Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use tokio::net::{UnixListener, UnixStream};

use super::RescueError;
use super::desk::Desk;
use crate::service::PATH;
use crate::service::ask;

const PROGRAM: &str = "/usr/lib/tayberry/tayberry-front";
const SOCKET: &str = "/run/tayberry/agent";
/// Nobody: the front has no file, and no right.
const USER: u32 = 65534;
/// The first descriptor that is handed over (sd_listen_fds(3)).
const FIRST: i32 = 3;
/// How often addresses and time are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Serves until something fails.
pub(super) async fn run(desk: &Arc<Desk>) -> RescueError {
    let failed = async {
        // Left over by an agent that was started again.
        drop(std::fs::remove_file(SOCKET));
        let listener = UnixListener::bind(SOCKET)?;
        chown(SOCKET, Some(USER), Some(USER))?;
        std::fs::set_permissions(SOCKET, PermissionsExt::from_mode(0o600))?;
        tokio::select! {
            failed = answer(&listener, desk) => failed,
            failed = keep() => failed,
        }
    };
    match failed.await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Runs the program, and again whenever it ends.
async fn keep() -> Result<std::convert::Infallible, RescueError> {
    let [own, secure, plain] = [8443, 443, 80].map(|port| TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)));
    let ports = [own?, secure?, plain?];
    loop {
        let mut given = Vec::new();
        for (port, child_fd) in ports.iter().zip(FIRST..) {
            given.push(FdMapping { parent_fd: OwnedFd::from(port.try_clone()?), child_fd });
        }
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("LISTEN_FDS", ports.len().to_string());
        command.env("TAYBERRY_AGENT", format!("unix:path={SOCKET}")).uid(USER).gid(USER);
        command.fd_mappings(given).map_err(std::io::Error::other)?;
        let status = tokio::process::Command::from(command).kill_on_drop(true).status().await?;
        tracing::error!("the front ended ({status}); it is started again");
        tokio::time::sleep(LOOK).await;
    }
}

/// Answers whoever connects; only the front can.
async fn answer(listener: &UnixListener, desk: &Arc<Desk>) -> Result<std::convert::Infallible, RescueError> {
    loop {
        let (stream, _) = listener.accept().await?;
        let desk = desk.clone();
        tokio::spawn(async move {
            if let Err(error) = one(stream, desk).await {
                tracing::warn!("the front: {error}");
            }
        });
    }
}

/// One connection: says when another certificate should be asked for, until the other end is gone.
async fn one(stream: UnixStream, desk: Arc<Desk>) -> zbus::Result<()> {
    let agent = Agent { desk: desk.clone(), certificates: AtomicU32::new(0) };
    let builder =
        zbus::connection::Builder::unix_stream(stream.into_std()?).server(zbus::Guid::generate()).p2p();
    let connection = builder.serve_at(PATH, agent).build().await?;
    let object = connection.object_server().interface::<_, Agent>(PATH).await?;
    loop {
        tokio::time::sleep(LOOK).await;
        if desk.must_certify() {
            // Only to read: a request that takes minutes holds the object, and would keep all others out behind a writer.
            let agent = object.get().await;
            agent.certificates.fetch_add(1, Ordering::SeqCst);
            agent.certificates_changed(object.signal_emitter()).await?;
        }
    }
}

/// The part of `io.tayberry.Agent1` that the front uses.
struct Agent {
    desk: Arc<Desk>,
    certificates: AtomicU32,
}

#[zbus::interface(name = "io.tayberry.Agent1")]
impl Agent {
    /// Counts up whenever the front should ask for another certificate.
    #[zbus(property)]
    fn certificates(&self) -> u32 {
        self.certificates.load(Ordering::SeqCst)
    }

    /// As on the system bus.
    async fn ask(&self, from: (&str, &str), credential: &str, request: &str) -> zbus::fdo::Result<String> {
        ask::ask(&*self.desk, USER, from, credential, request).await
    }

    /// As on the system bus.
    async fn receive(
        &self,
        from: (&str, &str),
        credential: &str,
        piece: &str,
        file: zbus::OwnedFd,
    ) -> zbus::fdo::Result<String> {
        let file = std::fs::File::from(OwnedFd::from(file));
        ask::receive(&*self.desk, USER, from, credential, piece, file).await
    }

    /// Writes the archive of all data to `file`. Answers when it is whole.
    async fn export(
        &self,
        from: (&str, &str),
        credential: &str,
        file: zbus::OwnedFd,
    ) -> zbus::fdo::Result<String> {
        let file = std::fs::File::from(OwnedFd::from(file));
        let outcome = match ask::read::<()>(USER, from, credential, "null") {
            Ok((sender, ())) => self.desk.export(&sender, file).await,
            Err(problem) => Err(problem),
        };
        ask::text(outcome)
    }

    /// As on the system bus.
    fn certify(&self, public_key: &[u8]) -> zbus::fdo::Result<Vec<Vec<u8>>> {
        self.desk.certify(public_key).map_err(|error| zbus::fdo::Error::Failed(error.to_string()))
    }

    /// As on the system bus: in rescue there is none.
    fn domain(&self) -> crate::desk::Shown {
        crate::desk::Shown::default()
    }
}
