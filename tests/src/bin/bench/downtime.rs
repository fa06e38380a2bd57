//! `scripts/bench downtime`: how long nobody is answered, and how many requests fail, while services are replaced and while the system is,
//! live and by a restart; beside `podman restart` of the same services and a plain reboot, on the same device in the same run.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::console::Serving;
use system_tests::device::BOOT;
use system_tests::load::{Seen, Sum, sustained};
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;

use crate::{failed, result};

/// One of so many requests that the board serves: a whole system starts beside them.
const SHARE: u32 = 8;
/// How long a command may take.
const SHORT: Duration = Duration::from_secs(180);

/// Runs the benchmark.
///
/// # Errors
/// When the device does not come up, or an update does not stay.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let mut serving = Serving::start(fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let rate = sustained(&serving, 0, SHARE, &mut Seen::by(fixture, "downtime")?)?;
    println!("{rate} requests a second over HTTP/1.1, HTTP/2 and fresh connections");
    println!("{:44} {:>9} {:>9} {:>9} {:>10}", "", "answers", "failed", "p99, ms", "gap, ms");
    let rollout = shown("services are rolled", during(&mut serving, rate, rolled)?);
    let live = shown("live update", during(&mut serving, rate, switched_with(fixture))?);
    let reboot = shown(
        "update by a restart",
        during(&mut serving, rate, |serving| serving.owned.roll_back_by_restart().and_then(stayed))?,
    );
    let bus = serving.owned.device.bus().await?;
    let load = serving.visitors(rate, 0)?;
    load.until_more(0)?;
    let restart =
        "podman restart $(podman ps --format {{.Names}} --filter name=stack-api --filter name=stack-web)";
    if bus.shell(restart, SHORT).await? != 0 {
        return Err(failed("podman restart failed"));
    }
    load.until_more(0)?;
    let restart = shown("podman restart of the same services", load.end()?);
    serving.until_healthy()?;
    let load = serving.visitors(rate, 0)?;
    load.until_more(0)?;
    let boots = serving.owned.device.machine.exits().len();
    drop(tokio::time::timeout(SHORT, bus.shell("systemctl reboot", BOOT)).await);
    serving.owned.device.machine.wait_exits(boots + 1, SHORT)?;
    load.until_more(0)?;
    let plain = shown("plain reboot", load.end()?);
    result(&json!({
        "requests_per_s": rate,
        "rollout_failed": rollout.failed.len(), "live_failed": live.failed.len(),
        "reboot_failed": reboot.failed.len(), "restart_failed": restart.failed.len(),
        "rollout_gap_ms": gap(&rollout), "live_gap_ms": gap(&live), "reboot_gap_ms": gap(&reboot),
        "restart_gap_ms": gap(&restart), "plain_reboot_gap_ms": gap(&plain),
    }));
    Ok(())
}

/// What people saw while something was done.
fn during(
    serving: &mut Serving,
    rate: u32,
    act: impl FnOnce(&mut Serving) -> Result<(), JourneyError>,
) -> Result<Sum, JourneyError> {
    serving.until_healthy()?;
    let load = serving.visitors(rate, 0)?;
    load.until_more(0)?;
    act(serving)?;
    load.until_more(0)?;
    load.end()
}

fn rolled(serving: &mut Serving) -> Result<(), JourneyError> {
    let system = serving.owned.script.expect(200, "GET", "/stack", None)?;
    let system = system["compose"].as_str().unwrap_or_default();
    let next = system
        .replace("    mem_limit: 160m\n    # It says", "    mem_limit: 160m\n    cpus: 2\n    # It says")
        .replace("    mem_limit: 128m\n", "    mem_limit: 128m\n    cpus: 2\n");
    serving.owned.script.expect(200, "PUT", "/stack", Some(&json!({ "compose": next })))?;
    let now = serving.owned.until_stack_settled()?;
    if now["problem"] == Value::Null { Ok(()) } else { Err(failed(now)) }
}

fn switched_with(fixture: &Fixture) -> impl FnOnce(&mut Serving) -> Result<(), JourneyError> + '_ {
    move |serving| {
        let answer = serving.owned.upload(&fixture.bundle("next")?)?;
        if answer.body["plan"]["live"] != true {
            return Err(failed(answer.text));
        }
        stayed(serving.owned.switch()?)?;
        serving.owned.until_free()
    }
}

fn stayed(ended: Value) -> Result<(), JourneyError> {
    if ended["last"]["stayed"] == true { Ok(()) } else { Err(failed(ended)) }
}

fn gap(sum: &Sum) -> u128 {
    sum.gap.as_millis()
}

/// Prints a row.
fn shown(what: &str, sum: Sum) -> Sum {
    let slowest = sum.percentile(99).as_millis();
    println!("{what:44} {:9} {:9} {slowest:9} {:10}", sum.answered, sum.failed.len(), gap(&sum));
    sum
}
