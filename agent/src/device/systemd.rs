//! systemd over D-Bus (org.freedesktop.systemd1(5)): units are started, stopped and looked at.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use tayberry_core::stack::health::Facts;
use tayberry_core::stack::plan::Unit;
use zbus::fdo::{PropertiesChangedStream, PropertiesProxy};

/// The manager.
#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub trait Manager {
    /// Begins to start a unit; returns the job.
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::OwnedObjectPath>;
    /// Begins to stop a unit; returns the job.
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::OwnedObjectPath>;
    /// Begins to let a unit read its files anew; returns the job.
    fn reload_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::OwnedObjectPath>;
    /// Begins to let a unit end and run again; returns the job.
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::OwnedObjectPath>;
    /// A unit that failed counts as one that was never started.
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    /// Reads a unit, if it was not.
    fn load_unit(&self, name: &str) -> zbus::Result<zbus::OwnedObjectPath>;
    /// Reads all units anew, and runs the generators.
    fn reload(&self) -> zbus::Result<()>;
    /// Changes what units may use; until the next start if `runtime`.
    fn set_unit_properties(
        &self,
        name: &str,
        runtime: bool,
        properties: &[(&str, zbus::Variant<'_>)],
    ) -> zbus::Result<()>;
    /// Makes a unit that has no file; returns the job.
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, zbus::Variant<'_>)],
        others: &[(&str, &[(&str, zbus::Variant<'_>)])],
    ) -> zbus::Result<zbus::OwnedObjectPath>;
    /// How often the root was changed since the kernel started.
    #[zbus(property(emits_changed_signal = "false"))]
    fn soft_reboots_count(&self) -> zbus::Result<u32>;
    /// Signals are sent from here on.
    fn subscribe(&self) -> zbus::Result<()>;
    /// A job has ended.
    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: zbus::OwnedObjectPath, unit: &str, result: &str) -> zbus::Result<()>;
}

/// Restarts the device: systemd stops everything in order first.
///
/// # Errors
/// When systemd refuses.
pub async fn reboot(bus: &zbus::Connection) -> zbus::Result<()> {
    let manager = ManagerProxy::new(bus).await?;
    manager.start_unit("reboot.target", "replace-irreversibly").await.map(drop)
}

/// Replaces all of user space by what lies at `/run/nextroot`: systemd stops everything in order first that does not go on
/// (systemd-soft-reboot.service(8)).
///
/// # Errors
/// When systemd refuses.
pub async fn soft_reboot(bus: &zbus::Connection) -> zbus::Result<()> {
    let manager = ManagerProxy::new(bus).await?;
    manager.start_unit("soft-reboot.target", "replace-irreversibly").await.map(drop)
}

/// How often that was done since the kernel started.
///
/// # Errors
/// When systemd does not answer.
pub async fn soft_reboots(bus: &zbus::Connection) -> zbus::Result<u32> {
    ManagerProxy::new(bus).await?.soft_reboots_count().await
}

/// Powers the device off: systemd stops everything in order first.
///
/// # Errors
/// When systemd refuses.
pub async fn power_off(bus: &zbus::Connection) -> zbus::Result<()> {
    let manager = ManagerProxy::new(bus).await?;
    manager.start_unit("poweroff.target", "replace-irreversibly").await.map(drop)
}

/// Lets all services of the stack together have so much of a core, in per cent, until the next start; as much as there is if none.
///
/// # Errors
/// When systemd refuses.
pub async fn limit_services(bus: &zbus::Connection, percent: Option<u8>) -> zbus::Result<()> {
    // Microseconds of a second (systemd.resource-control(5), CPUQuota=); the largest number is no limit.
    let quota = percent.map_or(u64::MAX, |percent| u64::from(percent) * 10_000);
    let manager = ManagerProxy::new(bus).await?;
    manager.set_unit_properties("services.slice", true, &[("CPUQuotaPerSecUSec", quota.into())]).await
}

/// A unit.
#[zbus::proxy(interface = "org.freedesktop.systemd1.Unit", default_service = "org.freedesktop.systemd1")]
trait AnyUnit {
    /// `ActiveState`.
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_state(&self) -> zbus::Result<String>;
    /// `SubState`.
    #[zbus(property(emits_changed_signal = "false"))]
    fn sub_state(&self) -> zbus::Result<String>;
    /// `LoadState`.
    #[zbus(property(emits_changed_signal = "false"))]
    fn load_state(&self) -> zbus::Result<String>;
    /// `NeedDaemonReload`.
    #[zbus(property(emits_changed_signal = "false"))]
    fn need_daemon_reload(&self) -> zbus::Result<bool>;
}

/// A service.
#[zbus::proxy(interface = "org.freedesktop.systemd1.Service", default_service = "org.freedesktop.systemd1")]
trait Service {
    #[zbus(property(emits_changed_signal = "false"))]
    fn result(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn exec_main_code(&self) -> zbus::Result<i32>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn exec_main_status(&self) -> zbus::Result<i32>;
    #[zbus(property(emits_changed_signal = "false"), name = "NRestarts")]
    fn n_restarts(&self) -> zbus::Result<u32>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn memory_current(&self) -> zbus::Result<u64>;
}

/// What is asked of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// That it runs.
    Start,
    /// That it does not.
    Stop,
    /// That it reads its files anew.
    Reload,
    /// That it ends, and runs.
    Restart,
}

/// Asks the same of all `units` at once and waits for the ends of the jobs, which `bus` was [subscribed](ManagerProxy::subscribe) to.
/// Returns the results of those that did not succeed.
///
/// # Errors
/// When systemd refuses, or the jobs do not end in time.
pub async fn run(
    bus: &zbus::Connection,
    job: Job,
    units: &[String],
    within: Duration,
) -> zbus::Result<BTreeMap<String, String>> {
    let manager = ManagerProxy::new(bus).await?;
    // Before the first job is asked for: none may end unheard.
    let mut ends = manager.receive_job_removed().await?;
    let mut waiting = BTreeMap::new();
    for unit in units {
        let path = match job {
            Job::Start => manager.start_unit(unit, "replace").await?,
            // What needs it waits for it; systemd would stop that, too, and start it never again.
            Job::Stop => manager.stop_unit(unit, "ignore-dependencies").await?,
            Job::Reload => manager.reload_unit(unit, "replace").await?,
            Job::Restart => manager.restart_unit(unit, "replace").await?,
        };
        waiting.insert(path.to_string(), unit.clone());
    }
    let mut bad = BTreeMap::new();
    let all = async {
        while !waiting.is_empty() {
            let Some(end) = ends.next().await else {
                let words = format!("systemd's messages ended before {units:?} did");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, words).into());
            };
            let end = end.args()?;
            if let Some(unit) = waiting.remove(end.job().as_str()).filter(|_| *end.result() != "done") {
                bad.insert(unit, (*end.result()).to_owned());
            }
        }
        Ok(())
    };
    match tokio::time::timeout(within, all).await {
        Ok(ended) => ended.map(|()| bad),
        Err(_) => {
            let words = format!("systemd did not finish {units:?} within {} s", within.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, words).into())
        }
    }
}

/// The state of a unit, and whether systemd should read its file; none where there is no such unit.
///
/// # Errors
/// When systemd does not answer.
pub async fn state(bus: &zbus::Connection, unit: &str) -> zbus::Result<Option<(Unit, bool)>> {
    let unit = any(bus, unit).await?;
    if unit.load_state().await? == "not-found" {
        return Ok(None);
    }
    let state = match unit.active_state().await?.as_str() {
        "active" | "reloading" => Unit::Active,
        "activating" => Unit::Starting,
        "failed" => Unit::Failed,
        _ => Unit::Inactive,
    };
    Ok(Some((state, unit.need_daemon_reload().await?)))
}

/// Tells of each change of a unit's state, if `bus` was [subscribed](ManagerProxy::subscribe).
///
/// # Errors
/// When systemd does not answer.
pub async fn changes(bus: &zbus::Connection, unit: &str) -> zbus::Result<PropertiesChangedStream> {
    let path = ManagerProxy::new(bus).await?.load_unit(unit).await?;
    let properties = PropertiesProxy::builder(bus).destination("org.freedesktop.systemd1").path(path).build();
    properties.await?.receive_properties_changed().await
}

/// `ActiveState` of a unit.
///
/// # Errors
/// When systemd does not answer.
pub async fn active_state(bus: &zbus::Connection, unit: &str) -> zbus::Result<String> {
    any(bus, unit).await?.active_state().await
}

/// `ActiveState` and `SubState` of a unit.
///
/// # Errors
/// When systemd does not answer.
pub async fn life(bus: &zbus::Connection, unit: &str) -> zbus::Result<(String, String)> {
    let unit = any(bus, unit).await?;
    Ok((unit.active_state().await?, unit.sub_state().await?))
}

/// What a service's unit says of it, and its memory now.
///
/// # Errors
/// When systemd does not answer.
pub async fn facts(
    bus: &zbus::Connection,
    unit: &str,
    memory_limit: u64,
) -> zbus::Result<(Facts, Option<u64>)> {
    let manager = ManagerProxy::new(bus).await?;
    let path = manager.load_unit(unit).await?;
    let unit = AnyUnitProxy::builder(bus).path(path.clone()).build().await?;
    let service = ServiceProxy::builder(bus).path(path).build().await?;
    let facts = Facts {
        active: unit.active_state().await?,
        sub: unit.sub_state().await?,
        result: service.result().await?,
        code: service.exec_main_code().await?,
        status: service.exec_main_status().await?,
        restarts: service.n_restarts().await?,
        memory_limit,
    };
    // It says the largest number where it does not know.
    let memory = service.memory_current().await?;
    Ok((facts, Some(memory).filter(|bytes| *bytes != u64::MAX)))
}

async fn any(bus: &zbus::Connection, unit: &str) -> zbus::Result<AnyUnitProxy<'static>> {
    let path = ManagerProxy::new(bus).await?.load_unit(unit).await?;
    AnyUnitProxy::builder(bus).path(path).build().await
}
