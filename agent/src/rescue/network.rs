//! The network in rescue: every wired interface, addresses by DHCP and by the kernel's own IPv6, and the name by multicast DNS.
//! No Wi-Fi: its passphrase and its firmware lie where rescue does not look.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use mozim::{DhcpV4Client, DhcpV4Config, DhcpV4Lease, DhcpV4State};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

const SYS: &str = "/sys/class/net";
/// How often new interfaces are looked for: USB adapters, a cable that is plugged in.
const LOOK: Duration = Duration::from_secs(2);
/// How long to wait after an address could not be had.
const AGAIN: Duration = Duration::from_secs(5);
/// `ARPHRD_ETHER` of linux/if_arp.h.
const ETHERNET: &str = "1";

/// An address that could not be had.
#[derive(Debug, thiserror::Error)]
enum NetworkError {
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("netlink: {0}")]
    Netlink(#[from] rtnetlink::Error),
    #[error("DHCP: {0}")]
    Dhcp(#[from] mozim::DhcpError),
}

/// Brings up whatever is plugged in, for as long as rescue serves.
pub(super) async fn run(name: String) -> Infallible {
    // Lives as long as this function.
    let _announced = announce(&name).inspect_err(|error| tracing::warn!("multicast DNS: {error}"));
    let mut known = BTreeSet::new();
    let handle = loop {
        match rtnetlink::new_connection() {
            Ok((connection, handle, _)) => {
                tokio::spawn(connection);
                break handle;
            }
            Err(error) => tracing::error!("netlink: {error}"),
        }
        tokio::time::sleep(AGAIN).await;
    };
    loop {
        for interface in wired() {
            if known.insert(interface.clone()) {
                tokio::spawn(keep(handle.clone(), interface, name.clone()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// `NAME.local`, on every interface that comes up.
fn announce(name: &str) -> Result<ServiceDaemon, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let service = ServiceInfo::new(
        "_https._tcp.local.",
        &format!("{name} (rescue)"),
        &format!("{name}.local."),
        "",
        443,
        None,
    )?;
    daemon.register(service.enable_addr_auto())?;
    Ok(daemon)
}

/// Names of the wired interfaces.
fn wired() -> Vec<String> {
    let all = fs::read_dir(SYS).into_iter().flatten().flatten();
    let names = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_wired = |name: &String| {
        let folder = Path::new(SYS).join(name);
        fs::read_to_string(folder.join("type")).is_ok_and(|kind| kind.trim() == ETHERNET)
            && folder.join("device").exists()
            && !folder.join("phy80211").exists()
    };
    names.filter(is_wired).collect()
}

/// Keeps an interface up, and its address.
async fn keep(handle: Handle, interface: String, host: String) {
    loop {
        let Err(error) = lease(&handle, &interface, &host).await;
        tracing::warn!("{interface}: {error}");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Asks for an address and renews it; returns only with an error.
async fn lease(handle: &Handle, interface: &str, host: &str) -> Result<Infallible, NetworkError> {
    let read = |file: &str| {
        let path = format!("{SYS}/{interface}/{file}");
        fs::read_to_string(&path)
            .map(|text| text.trim().to_owned())
            .map_err(|error| NetworkError::Io { path, error })
    };
    let number = |text: String| text.parse::<u32>().map_err(std::io::Error::other);
    let index =
        number(read("ifindex")?).map_err(|error| NetworkError::Io { path: interface.to_owned(), error })?;
    handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await?;
    let mut config = DhcpV4Config::new(interface);
    config.set_iface_index(index).set_iface_mac(&read("address")?)?;
    config.set_host_name(host).use_mac_as_client_id();
    let mut client = DhcpV4Client::init(config, None).await?;
    loop {
        if let DhcpV4State::Done(lease) = client.run().await? {
            take(handle, index, &lease).await?;
            tracing::info!("{interface}: {}/{}", lease.yiaddr, lease.prefix_length());
        }
    }
}

/// Gives the interface the address, and the way to other networks.
async fn take(handle: &Handle, index: u32, lease: &DhcpV4Lease) -> Result<(), NetworkError> {
    let address = handle.address().add(index, IpAddr::V4(lease.yiaddr), lease.prefix_length());
    address.replace().execute().await?;
    let gateways = lease.gateways.as_deref().unwrap_or_default();
    if let Some(gateway) = gateways.first() {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(*gateway).output_interface(index).build();
        handle.route().add(route).replace().execute().await?;
    }
    Ok(())
}
