//! NetworkManager over D-Bus, and wpa_supplicant for the two things that NetworkManager does not tell or take: who is in
//! an access point of ours, and the country.

use std::time::Duration;

use tayberry_core::network::heard::AccessPoint;
use tayberry_core::request::network::InterfaceKind;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath};

/// How long a question may take to be answered.
const ANSWER: Duration = Duration::from_secs(15);
/// `NM_DEVICE_TYPE_…`.
const ETHERNET: u32 = 1;
const WIFI: u32 = 2;
/// `NM_DEVICE_STATE_UNMANAGED`: none of NetworkManager's business, and so none of ours.
const UNMANAGED: u32 = 10;
/// `NM_DEVICE_STATE_ACTIVATED`.
const ACTIVATED: u32 = 100;

/// NetworkManager does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// It refused, or is not there.
    #[error("NetworkManager: {0}")]
    Bus(#[from] zbus::Error),
    /// It does not answer.
    #[error("NetworkManager did not answer within {} s", ANSWER.as_secs())]
    Silent,
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
trait NetworkManager {
    fn get_devices(&self) -> zbus::Result<Vec<OwnedObjectPath>>;
    fn activate_connection(
        &self,
        connection: &OwnedObjectPath,
        device: &OwnedObjectPath,
        specific: &OwnedObjectPath,
    ) -> zbus::Result<OwnedObjectPath>;
    fn deactivate_connection(&self, active: &OwnedObjectPath) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Settings",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager/Settings"
)]
trait Settings {
    fn reload_connections(&self) -> zbus::Result<bool>;
    fn get_connection_by_uuid(&self, uuid: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Device",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Device {
    #[zbus(property)]
    fn interface(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn device_type(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn active_connection(&self) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Device.Wired",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Wired {
    #[zbus(property)]
    fn carrier(&self) -> zbus::Result<bool>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Device.Wireless",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Wireless {
    fn get_all_access_points(&self) -> zbus::Result<Vec<OwnedObjectPath>>;
    fn request_scan(&self, options: std::collections::HashMap<&str, zbus::Variant<'_>>) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.AccessPoint",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Point {
    #[zbus(property)]
    fn ssid(&self) -> zbus::Result<Vec<u8>>;
    #[zbus(property)]
    fn strength(&self) -> zbus::Result<u8>;
    #[zbus(property)]
    fn flags(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn wpa_flags(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn rsn_flags(&self) -> zbus::Result<u32>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Connection.Active",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Active {
    #[zbus(property)]
    fn uuid(&self) -> zbus::Result<String>;
}

#[zbus::proxy(
    interface = "fi.w1.wpa_supplicant1",
    default_service = "fi.w1.wpa_supplicant1",
    default_path = "/fi/w1/wpa_supplicant1"
)]
trait Supplicant {
    fn get_interface(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "fi.w1.wpa_supplicant1.Interface", default_service = "fi.w1.wpa_supplicant1")]
trait Radio {
    #[zbus(property)]
    fn stations(&self) -> zbus::Result<Vec<OwnedObjectPath>>;
    #[zbus(property)]
    fn set_country(&self, code: &str) -> zbus::Result<()>;
}

/// A device as NetworkManager sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its object.
    pub path: OwnedObjectPath,
    /// Kernel name.
    pub name: String,
    /// Wired or wireless.
    pub kind: InterfaceKind,
    /// A cable is plugged in, or a connection is up.
    pub connected: bool,
    /// The connection that it has or is about to have: its object and its UUID.
    pub active: Option<(OwnedObjectPath, String)>,
}

/// The connection to it.
#[derive(Clone)]
pub struct Manager(Connection);

/// Builds a proxy that asks anew each time: properties are looked at rarely, and their signals would be many.
macro_rules! ask {
    ($bus:expr, $proxy:ident) => {
        $proxy::builder(&$bus).cache_properties(CacheProperties::No).build().await?
    };
    ($bus:expr, $proxy:ident, $path:expr) => {
        $proxy::builder(&$bus).cache_properties(CacheProperties::No).path($path.clone()).build().await?
    };
}

impl Manager {
    /// Speaks over this connection to the system bus.
    #[must_use]
    pub const fn new(bus: Connection) -> Self {
        Self(bus)
    }

    /// Its cables and radios.
    ///
    /// # Errors
    /// When it is not there or does not answer.
    pub async fn devices(&self) -> Result<Vec<Seen>, ManagerError> {
        in_time(async {
            let mut all = Vec::new();
            for path in ask!(self.0, NetworkManagerProxy).get_devices().await? {
                // One that was unplugged in between is no error.
                if let Ok(Some(seen)) = self.device(path).await {
                    all.push(seen);
                }
            }
            Ok(all)
        })
        .await
    }

    async fn device(&self, path: OwnedObjectPath) -> zbus::Result<Option<Seen>> {
        let device = ask!(self.0, DeviceProxy, path);
        let state = device.state().await?;
        let kind = match device.device_type().await? {
            _ if state <= UNMANAGED => return Ok(None),
            ETHERNET => InterfaceKind::Ethernet,
            WIFI => InterfaceKind::Wifi,
            _ => return Ok(None),
        };
        let connected = match kind {
            InterfaceKind::Ethernet => ask!(self.0, WiredProxy, path).carrier().await?,
            InterfaceKind::Wifi => state == ACTIVATED,
        };
        let active = device.active_connection().await?;
        let active = if active.as_str() == "/" {
            None
        } else {
            let uuid = ask!(self.0, ActiveProxy, active).uuid().await?;
            Some((active, uuid))
        };
        Ok(Some(Seen { name: device.interface().await?, path, kind, connected, active }))
    }

    /// Lets it read its files again.
    ///
    /// # Errors
    /// When it is not there or does not answer.
    pub async fn reload(&self) -> Result<(), ManagerError> {
        in_time(async { ask!(self.0, SettingsProxy).reload_connections().await.map(drop) }).await
    }

    /// Begins to bring a connection up. Whether that succeeds, the device's state says later.
    ///
    /// # Errors
    /// When there is no such connection, or the device cannot have it.
    pub async fn activate(&self, uuid: &str, device: &Seen) -> Result<(), ManagerError> {
        in_time(async {
            let connection = ask!(self.0, SettingsProxy).get_connection_by_uuid(uuid).await?;
            let any = OwnedObjectPath::default();
            ask!(self.0, NetworkManagerProxy)
                .activate_connection(&connection, &device.path, &any)
                .await
                .map(drop)
        })
        .await
    }

    /// Takes down what the device has.
    ///
    /// # Errors
    /// When it is not there or does not answer.
    pub async fn deactivate(&self, device: &Seen) -> Result<(), ManagerError> {
        let Some((active, _)) = &device.active else { return Ok(()) };
        in_time(async { ask!(self.0, NetworkManagerProxy).deactivate_connection(active).await }).await
    }

    /// What the radio hears.
    ///
    /// # Errors
    /// When it is not there or does not answer.
    pub async fn heard(&self, radio: &Seen) -> Result<Vec<AccessPoint>, ManagerError> {
        in_time(async {
            let mut all = Vec::new();
            for path in ask!(self.0, WirelessProxy, radio.path).get_all_access_points().await? {
                // One that fell silent in between is no error.
                all.extend(self.point(&path).await.ok());
            }
            Ok(all)
        })
        .await
    }

    async fn point(&self, path: &OwnedObjectPath) -> zbus::Result<AccessPoint> {
        let point = ask!(self.0, PointProxy, path);
        Ok(AccessPoint {
            ssid: point.ssid().await?,
            strength: point.strength().await?,
            flags: point.flags().await?,
            wpa: point.wpa_flags().await?,
            rsn: point.rsn_flags().await?,
        })
    }

    /// Lets the radio listen anew. NetworkManager refuses what is too soon.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn scan(&self, radio: &Seen) -> Result<(), ManagerError> {
        in_time(async { ask!(self.0, WirelessProxy, radio.path).request_scan(Default::default()).await })
            .await
    }

    /// How many devices are in the radio's own access point.
    ///
    /// # Errors
    /// When wpa_supplicant does not have the radio.
    pub async fn guests(&self, radio: &Seen) -> Result<usize, ManagerError> {
        in_time(async {
            let path = ask!(self.0, SupplicantProxy).get_interface(&radio.name).await?;
            Ok(ask!(self.0, RadioProxy, path).stations().await?.len())
        })
        .await
    }

    /// Tells the radio in which country it is.
    ///
    /// # Errors
    /// When wpa_supplicant does not have the radio.
    pub async fn set_country(&self, radio: &Seen, country: &str) -> Result<(), ManagerError> {
        in_time(async {
            let path = ask!(self.0, SupplicantProxy).get_interface(&radio.name).await?;
            ask!(self.0, RadioProxy, path).set_country(country).await
        })
        .await
    }
}

async fn in_time<T>(answer: impl Future<Output = zbus::Result<T>>) -> Result<T, ManagerError> {
    Ok(tokio::time::timeout(ANSWER, answer).await.map_err(|_| ManagerError::Silent)??)
}
