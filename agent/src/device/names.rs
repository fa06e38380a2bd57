//! The server of names in the containers' networks, aardvark-dns: Podman starts it once for all of them (netavark, `src/dns/aardvark.rs`),
//! and every container asks it. A live switch spares it as the containers, and it is replaced last.

use std::fs;
use std::time::Duration;

use crate::device::systemd::{self, Job, ManagerProxy};

/// Its process id.
const PID: &str = "/run/containers/networks/aardvark-dns/aardvark.pid";
/// Where the one that Podman started lives during a switch.
const SCOPE: &str = "tayberry-names.scope";
/// The one that the agent started.
const SERVICE: &str = "tayberry-names.service";
/// The slice of what a switch spares.
const SLICE: &str = "services.slice";
/// What ends it in its place: everything but a switch.
const ENDS: [&str; 4] = ["reboot.target", "kexec.target", "poweroff.target", "halt.target"];
/// How long it may take to end or start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Moves the one that runs to where a switch spares it.
///
/// # Errors
/// When systemd refuses.
pub async fn spare(bus: &zbus::Connection) -> zbus::Result<()> {
    let Some(pid) = process() else { return Ok(()) };
    let group = group(pid);
    if group.contains(SCOPE) || group.contains(SERVICE) {
        return Ok(());
    }
    let properties = [
        ("PIDs", vec![pid].into()),
        ("Slice", SLICE.into()),
        ("DefaultDependencies", false.into()),
        ("IgnoreOnIsolate", true.into()),
        ("SurviveFinalKillSignal", true.into()),
        ("Conflicts", ENDS.to_vec().into()),
        ("Before", vec!["shutdown.target"].into()),
    ];
    ManagerProxy::new(bus).await?.start_transient_unit(SCOPE, "replace", &properties, &[]).await.map(drop)
}

/// Has one of this system take its place.
///
/// # Errors
/// When systemd refuses, or it does not start; then there is none.
pub async fn renew(bus: &zbus::Connection) -> zbus::Result<()> {
    let pid = process();
    // There are no containers. One that failed to take the place of another has no process either, and is tried again.
    if pid.is_none() && systemd::active_state(bus, SERVICE).await? == "inactive" {
        return Ok(());
    }
    // After the second switch it is the service of the first one, and there is no such scope to stop.
    if pid.is_some_and(|pid| group(pid).contains(SCOPE)) {
        systemd::run(bus, Job::Stop, &[SCOPE.to_owned()], PATIENCE).await?;
    }
    let bad = systemd::run(bus, Job::Restart, &[SERVICE.to_owned()], PATIENCE).await?;
    if bad.is_empty() { Ok(()) } else { Err(zbus::Error::Failure(format!("{SERVICE} did not start"))) }
}

/// The control group of a process.
fn group(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default()
}

/// The one that runs.
fn process() -> Option<u32> {
    let pid = fs::read_to_string(PID).ok()?.trim().parse().ok()?;
    fs::exists(format!("/proc/{pid}")).ok()?.then_some(pid)
}
