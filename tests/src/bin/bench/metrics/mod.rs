//! `scripts/bench metrics`: what the agent costs, whose loops read the hardware every second, beside Prometheus' node_exporter that is
//! asked every second, on the same device in the same run.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::bus::Bus;
use system_tests::device::{BOOT, Device, free_port};
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Drive;
use tayberry_firmware::Medium;

use crate::agent::on_console;
use crate::{debian, failed, hundredths, result};

/// How long each is measured.
const SPAN: Duration = Duration::from_secs(180);
/// Clock ticks of a second, as the kernel tells them to programs (time(7), USER_HZ).
const TICKS: f64 = 100.0;
/// Port of the exporter on the device.
const EXPORTER: u16 = 9100;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Runs the benchmark.
///
/// # Errors
/// When the device does not come up, or a tool is missing.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let folder = fixture.folder()?;
    let disk = debian::disk(
        fixture,
        folder.path(),
        "prometheus-node-exporter",
        &["adduser", "init-system-helpers"],
    )?;
    let port = free_port()?;
    let device = Device::start(fixture, &[Medium::Nvme], |spec| {
        spec.forwards.push((port, EXPORTER));
        spec.drives.push(Drive::new(Medium::Sd, disk));
        Ok(())
    })?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    println!("Each is measured for {} s.", SPAN.as_secs());
    let ours = cost(&device, &bus, "tayberryd.service").await?;

    if bus.shell(include_str!("exporter"), BOOT).await? != 0 {
        return Err(failed(format!("node_exporter does not start\n{}", device.console_end())));
    }
    let address = format!("http://127.0.0.1:{port}/metrics");
    until("node_exporter's answer", BOOT, || Ok(ask(&address)?.then_some(())))?;
    let every_second = async {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        // It takes longer than that to answer on an emulated board: then it is asked as soon as it has.
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let address = address.clone();
            drop(tokio::task::spawn_blocking(move || ask(&address)).await);
        }
    };
    let theirs = tokio::select! {
        cost = cost(&device, &bus, "exporter.service") => cost?,
        never = every_second => never,
    };
    report(&ours, &theirs);
    Ok(())
}

/// Asks for metrics once, and waits for the answer.
fn ask(address: &str) -> std::io::Result<bool> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--max-time", "30", "--output", "/dev/null", address])
        .stdin(Stdio::null());
    curl.status().map(|status| status.success())
}

async fn cost(device: &Device, bus: &Bus, unit: &str) -> Result<Value, JourneyError> {
    let script = include_str!("cost").replace("UNIT", unit).replace("SPAN", &SPAN.as_secs().to_string());
    if bus.shell(&script, SPAN + BOOT).await? != 0 {
        return Err(failed(format!("{unit} cannot be measured\n{}", device.console_end())));
    }
    on_console(device, &format!("cost of {unit}:"))
}

/// The table and the last line.
fn report(ours: &Value, theirs: &Value) {
    let number = |cost: &Value, key: &str| cost[key].as_f64().unwrap_or_default();
    let percent = |cost| number(cost, "ticks") / (SPAN.as_secs_f64() * TICKS) * 100.0;
    let a_day = |cost| number(cost, "written") / f64::from(1 << 20) / SPAN.as_secs_f64() * DAY;
    println!("{:44} {:>10} {:>14}", "", "tayberryd", "node_exporter");
    println!("{:44} {:10.2} {:14.2}", "processor, per cent of one core", percent(ours), percent(theirs));
    println!("{:44} {:10.2} {:14.2}", "written to drives a day, MiB", a_day(ours), a_day(theirs));
    result(&json!({
        "cpu_percent": hundredths(percent(ours)),
        "baseline_cpu_percent": hundredths(percent(theirs)),
        "ratio": hundredths(percent(ours) / percent(theirs).max(0.01)),
        "written_mib_per_day": hundredths(a_day(ours)),
        "baseline_written_mib_per_day": hundredths(a_day(theirs)),
    }));
}
