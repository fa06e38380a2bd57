//! `scripts/bench update`: how fast a version is installed, how much of it is fetched, how long the services are away. Each
//! beside what others would use, on the same files, in the same run.

mod delta;
mod gap;
mod install;
mod limit;
mod versions;

use serde_json::json;
use system_tests::{Fixture, JourneyError};

use crate::{hundredths, result};

use install::Speed;

pub(crate) use install::child;

/// Runs the benchmark.
///
/// # Errors
/// When a step fails.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&fixture.paths.cache)?;
    let gap = gap::measure(fixture)?;
    let versions = versions::build(fixture, folder.path())?;
    let installed = install::measure(&versions.new, folder.path())?;
    let month = delta::measure(&versions.month, &versions.new, folder.path())?;
    let package = delta::measure(&versions.package, &versions.new, folder.path())?;
    let agent = delta::measure(&versions.new, &versions.agent, folder.path())?;

    println!("{:44} {:>10} {:>12}", "", "measured", "bar");
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let row = |name: &str, value: String, bar: &str| println!("{name:44} {value:>10} {bar:>12}");
    let speed = |name: &str, speed: &Speed| {
        row(name, percent(speed.share()), ">= 80 %");
        row("  install", format!("{:.2} s", speed.install), "");
        row("  dd oflag=direct conv=fsync", format!("{:.2} s", speed.dd), "");
    };
    speed("install, of the speed of dd", &installed.here);
    match &installed.nvme {
        Some(nvme) => speed("the same at 450 MB/s (PCIe 2.0 x1)", nvme),
        None => row("the same at 450 MB/s (PCIe 2.0 x1)", "needs root".to_owned(), ">= 80 %"),
    }
    row("  read back through the hash tree", format!("{:.2} s", installed.read_back), "");
    row("memory of the install, at most", format!("{:.1} MiB", installed.peak), "<= 32 MiB");
    row("written by the install", format!("{:.1} MiB", installed.written), "");
    println!("to fetch, of the full bundle ({:.1} MiB)", month.full);
    row(&format!("  a month's updates ({} packages)", versions.changed), percent(month.ours), "<= 20 %");
    row("    casync", percent(month.casync), "");
    row("    zstd --patch-from", percent(month.patch), "");
    row(&format!("  one package ({})", versions.one), percent(package.ours), "<= 5 %");
    row("    casync", percent(package.casync), "");
    row("    zstd --patch-from", percent(package.patch), "");
    row("  the agent", percent(agent.ours), "");
    row("    casync", percent(agent.casync), "");
    row("    zstd --patch-from", percent(agent.patch), "");
    row("restart to committed, emulated", format!("{:.1} s", gap.committed), "");
    row("no answer during the restart, emulated", format!("{:.1} s", gap.away), "");
    let thousandths = |value: f64| (value * 1000.0).round() / 1000.0;
    result(&json!({
        "install_share_of_dd": hundredths(installed.here.share()),
        "install_share_of_dd_nvme": installed.nvme.as_ref().map(|nvme| hundredths(nvme.share())),
        "peak_rss_mib": hundredths(installed.peak),
        "delta_month": thousandths(month.ours),
        "delta_package": thousandths(package.ours),
        "delta_agent": thousandths(agent.ours),
        "casync_month": thousandths(month.casync),
        "patch_from_month": thousandths(month.patch),
        "written_mib": hundredths(installed.written),
        "armed_to_committed_s": hundredths(gap.committed),
        "gap_s": hundredths(gap.away),
    }));
    Ok(())
}
