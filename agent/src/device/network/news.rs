//! What tells that the network changed: signals of NetworkManager and wpa_supplicant, and the kernel's own news of links
//! and addresses.

use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use tokio::net::UnixDatagram;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zbus::export::ordered_stream::OrderedStreamExt;
use zbus::{Connection, MessageStream, OwnedObjectPath};

/// So much news may wait; more than one look can take in.
const QUEUE: usize = 64;
/// Links, IPv4 and IPv6 addresses (rtnetlink(7): RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// What is listened to.
const RULES: [&str; 4] = [
    "type='signal',interface='org.freedesktop.NetworkManager.Device',member='StateChanged'",
    "type='signal',interface='org.freedesktop.NetworkManager',member='DeviceAdded'",
    "type='signal',interface='fi.w1.wpa_supplicant1.Interface',path_namespace='/fi/w1/wpa_supplicant1'",
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.NetworkManager'",
];
/// wpa_supplicant tells of much; this is about devices in an access point of ours.
const GUESTS: [&str; 2] = ["StaAuthorized", "StaDeauthorized"];

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A device has another state.
    Device {
        /// Its object.
        path: OwnedObjectPath,
        /// `NM_DEVICE_STATE_…`.
        state: u32,
        /// `NM_DEVICE_STATE_REASON_…`.
        reason: u32,
    },
    /// Something else changed; look.
    Look,
}

/// Listens from now on.
///
/// # Errors
/// When the bus or the kernel refuses.
pub async fn listen(bus: &Connection) -> zbus::Result<Receiver<News>> {
    let (sender, receiver) = channel(QUEUE);
    for rule in RULES {
        let stream = MessageStream::for_match_rule(rule, bus, None).await?;
        tokio::spawn(forward(stream, sender.clone()));
    }
    tokio::spawn(changes(kernel()?, sender));
    Ok(receiver)
}

async fn forward(mut stream: MessageStream, sender: Sender<News>) {
    while let Some(message) = stream.next().await {
        let news = message.ok().as_ref().and_then(understand);
        if let Some(news) = news
            && sender.send(news).await.is_err()
        {
            return;
        }
    }
}

fn understand(message: &zbus::Message) -> Option<News> {
    let header = message.header();
    match header.member()?.as_str() {
        "StateChanged" => {
            let (state, _before, reason) = message.body().deserialize::<(u32, u32, u32)>().ok()?;
            Some(News::Device { path: header.path()?.to_owned().into(), state, reason })
        }
        "DeviceAdded" | "NameOwnerChanged" => Some(News::Look),
        member => GUESTS.contains(&member).then_some(News::Look),
    }
}

/// The kernel's socket. tokio has no type for it that needs no `unsafe`; to receive is the same for every socket of
/// datagrams.
fn kernel() -> std::io::Result<UnixDatagram> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    UnixDatagram::from_std(socket.into())
}

/// The messages themselves are not read: whoever hears of them looks at everything. Lost messages (ENOBUFS) are news,
/// too.
async fn changes(socket: UnixDatagram, sender: Sender<News>) {
    let mut message = vec![0; 16 << 10];
    loop {
        if socket
            .recv(&mut message)
            .await
            .is_err_and(|error| error.raw_os_error() != Some(nix::libc::ENOBUFS))
        {
            tracing::warn!("the kernel no longer tells of addresses");
            return;
        }
        if sender.send(News::Look).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_rules() {
        for rule in RULES {
            zbus::MatchRule::try_from(rule).unwrap();
        }
    }

    #[tokio::test]
    async fn the_kernel_lets_anybody_listen() {
        kernel().unwrap();
    }
}
