//! The device's system bus over a virtio port, and commands run on the device through systemd.

use std::path::Path;
use std::time::{Duration, Instant};

use tayberry_agent::service::client::AgentProxy;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::fdo::{PropertiesChangedStream, PropertiesProxy};
use zbus::{OwnedObjectPath, Variant as Value};

use crate::JourneyError;

/// How long a question may take to be answered.
const ANSWER: Duration = Duration::from_secs(20);
/// How often a state is asked for.
const POLL: Duration = Duration::from_millis(300);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn list_units_filtered(&self, states: &[&str]) -> zbus::Result<Vec<UnitLine>>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Value<'_>)],
        auxiliary: &[(&str, Vec<(&str, Value<'_>)>)],
    ) -> zbus::Result<OwnedObjectPath>;
}

type UnitLine =
    (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

#[zbus::proxy(interface = "org.freedesktop.systemd1.Service", default_service = "org.freedesktop.systemd1")]
trait Service {
    #[zbus(property(emits_changed_signal = "false"))]
    fn exec_main_status(&self) -> zbus::Result<i32>;
}

#[zbus::proxy(interface = "org.freedesktop.systemd1.Unit", default_service = "org.freedesktop.systemd1")]
trait Unit {
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_enter_timestamp_monotonic(&self) -> zbus::Result<u64>;
}

/// The device's system bus.
pub struct Bus(Connection);

impl Bus {
    /// Connects as soon as the bus answers and the agent is on it.
    ///
    /// # Errors
    /// When that does not happen in time; names the last reason.
    pub async fn connect(port: &Path, patience: Duration) -> Result<Self, JourneyError> {
        let deadline = Instant::now() + patience;
        loop {
            let last = match tokio::time::timeout(ANSWER, Self::try_connect(port)).await {
                Ok(Ok(bus)) => return Ok(bus),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() > deadline {
                return Err(JourneyError::Failed(format!("the agent did not answer: {last}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn try_connect(port: &Path) -> Result<Self, JourneyError> {
        let address = format!("unix:path={}", port.display());
        // At the other end root's helper speaks to the bus: root is who we are there.
        let bus = Self(Builder::address(address.as_str()).user_id(0).build().await?);
        bus.agent().await?.version().await?;
        Ok(bus)
    }

    /// Hangs up: the port carries one connection at a time, and one that is only dropped goes on until the executor comes to it.
    ///
    /// # Errors
    /// When the port does not take it.
    pub async fn hang_up(self) -> Result<(), JourneyError> {
        Ok(self.0.close().await?)
    }

    /// The agent.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn agent(&self) -> Result<AgentProxy<'_>, JourneyError> {
        Ok(AgentProxy::builder(&self.0).cache_properties(zbus::proxy::CacheProperties::No).build().await?)
    }

    /// What the agent tells of its properties from now on.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn changes(&self) -> Result<PropertiesChangedStream, JourneyError> {
        let agent = self.agent().await?;
        let properties = PropertiesProxy::builder(&self.0)
            .destination(agent.inner().destination().to_owned())
            .path(agent.inner().path().to_owned())
            .build()
            .await?;
        Ok(properties.receive_properties_changed().await?)
    }

    /// Names of the units that failed.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn failed_units(&self) -> Result<Vec<String>, JourneyError> {
        let units = ManagerProxy::new(&self.0).await?.list_units_filtered(&["failed"]).await?;
        Ok(units.into_iter().map(|unit| unit.0).collect())
    }

    /// Waits until a unit is active.
    ///
    /// # Errors
    /// When it does not become active in time.
    pub async fn wait_active(&self, unit: &str, patience: Duration) -> Result<(), JourneyError> {
        let manager = ManagerProxy::new(&self.0).await?;
        let deadline = Instant::now() + patience;
        loop {
            let path = manager.load_unit(unit).await?;
            let state = UnitProxy::builder(&self.0).path(path).build().await?.active_state().await?;
            if state == "active" {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(JourneyError::Failed(format!("{unit} is {state}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// When a unit became active, counted from the kernel's start.
    ///
    /// # Errors
    /// When the bus is gone, or the unit is not active.
    pub async fn active_since_boot(&self, unit: &str) -> Result<Duration, JourneyError> {
        self.wait_active(unit, ANSWER).await?;
        let path = ManagerProxy::new(&self.0).await?.load_unit(unit).await?;
        let unit = UnitProxy::builder(&self.0).path(path).build().await?;
        Ok(Duration::from_micros(unit.active_enter_timestamp_monotonic().await?))
    }

    /// Runs a shell command on the device as root; returns its exit status.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn shell(&self, command: &str, patience: Duration) -> Result<i32, JourneyError> {
        let manager = ManagerProxy::new(&self.0).await?;
        let name = unique_unit();
        // systemd would put values of its own in place of ${...} (systemd.service(5), "Command lines").
        let words = vec!["/usr/bin/sh".to_owned(), "-c".to_owned(), command.replace('$', "$$")];
        let exec = vec![("/usr/bin/sh".to_owned(), words, false)];
        let properties = [
            ("Type", Value::from("oneshot")),
            ("RemainAfterExit", Value::from(true)),
            ("ExecStart", Value::from(exec)),
        ];
        manager.start_transient_unit(&name, "fail", &properties, &[]).await?;
        let path = manager.load_unit(&name).await?;
        let unit = UnitProxy::builder(&self.0).path(path.clone()).build().await?;
        let service = ServiceProxy::builder(&self.0).path(path).build().await?;
        let deadline = Instant::now() + patience;
        loop {
            let state = unit.active_state().await?;
            // Before it has started it is inactive: early in a boot it waits for the targets that it comes after.
            if matches!(state.as_str(), "active" | "failed") {
                return Ok(service.exec_main_status().await?);
            }
            if Instant::now() > deadline {
                return Err(JourneyError::Failed(format!("{command:?} is still {state}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn unique_unit() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("journey-{}-{}.service", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
