//! `scripts/bench agent`: what the agent costs at rest, and what its HTTPS port can do, beside Caddy with a file of the same
//! size on the same device in the same run.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::device::{BOOT, Device, free_port};
use system_tests::web::{Client, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Drive;
use tayberry_firmware::Medium;

use crate::load::{Load, load};
use crate::{debian, failed, hundredths, result};

/// The unit whose readiness means that the page answers.
const FRONT: &str = "tayberry-front.service";
/// How long the device is left alone.
const REST: Duration = Duration::from_secs(300);
/// Clock ticks of a second, as the kernel tells them to programs (time(7), USER_HZ).
const TICKS: f64 = 100.0;
/// Port of Caddy on the device.
const CADDY: u16 = 9443;

/// Runs the benchmark.
///
/// # Errors
/// When the device does not come up, or a tool is missing.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let folder = fixture.folder()?;
    let caddy = debian::disk(fixture, folder.path(), "caddy", &["adduser", "libnss3-tools"])?;
    let (port, baseline) = (free_port()?, free_port()?);
    let device = Device::start(fixture, &[Medium::Nvme], |spec| {
        spec.forwards.extend([(port, 8443), (baseline, CADDY)]);
        spec.drives.push(Drive::new(Medium::Sd, caddy));
        Ok(())
    })?;
    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    let to_page = bus.active_since_boot(FRONT).await?.as_secs_f64();
    let mut owner = Client::new(&device, port, "tayberry.local")?;
    owner.set_up(&device.claim_code()?, "tayberry")?;
    let wish = json!({ "name": "bench", "scopes": ["status"] });
    let token = owner.expect(201, "POST", "/tokens", Some(&wish))?;
    let token = token["secret"].as_str().unwrap_or_default().to_owned();

    println!("The device is left alone for {} s.", REST.as_secs());
    let patience = REST + BOOT;
    let status =
        bus.shell(&include_str!("agent/rest").replace("REST", &REST.as_secs().to_string()), patience).await?;
    if status != 0 {
        return Err(failed(format!("measuring at rest ended with {status}")));
    }
    let rest = on_console(&device, "at rest:")?;

    let mut script = owner.another("script");
    script.token = Some(token.clone());
    let body = script.ask("GET", "/status", None)?;
    let length = body.body.to_string().len();
    let start = include_str!("agent/caddy").replace("LENGTH", &length.to_string());
    if bus.shell(&start, BOOT).await? != 0 {
        return Err(failed(format!("Caddy does not start\n{}", device.console_end())));
    }
    until("Caddy's answer", BOOT, || {
        let address = format!("https://localhost:{baseline}/status");
        let asked = Command::new("curl")
            .args(["--silent", "--insecure", "--output", "/dev/null", &address])
            .status()?;
        Ok(asked.success().then_some(()))
    })?;
    let bearer = [format!("Authorization: Bearer {token}")];
    let ours = load(&format!("https://localhost:{port}/api/v1/status"), &bearer, None)?;
    let theirs = load(&format!("https://localhost:{baseline}/status"), &[], None)?;

    report(&rest, to_page, ours, theirs, length);
    Ok(())
}

/// The table and the last line. Each server: requests per second, and the milliseconds for 99 of 100.
fn report(rest: &Value, to_page: f64, ours: Load, theirs: Load, length: usize) {
    let number = |key: &str| rest[key].as_f64().unwrap_or_default();
    let rss = (number("tayberryd_kib") + number("front_kib")) / 1024.0;
    let cpu = number("ticks") / (REST.as_secs_f64() * TICKS) * 100.0;
    println!("{:44} {rss:10.2} MiB", "resident memory, both processes (bar 24)");
    println!("{:44} {cpu:10.2} %", "processor at rest, of one core (bar 0.2)");
    println!("{:44} {to_page:10.2} s", "kernel start to the page");
    println!("{:44} {:>10} {:>10}", "", "status", "Caddy");
    println!("{:44} {:10.1} {:10.1}", "requests per second", ours.per_second, theirs.per_second);
    println!("{:44} {:10.1} {:10.1}", "99 of 100 answered within ms", ours.p99_ms, theirs.p99_ms);
    result(&json!({
        "rss_mib": hundredths(rss),
        "cpu_percent": hundredths(cpu),
        "requests_per_s": hundredths(ours.per_second),
        "baseline_requests_per_s": hundredths(theirs.per_second),
        "kernel_to_page_s": hundredths(to_page),
        "p99_ms": hundredths(ours.p99_ms),
        "baseline_p99_ms": hundredths(theirs.p99_ms),
        "bytes": length,
    }));
}

/// The JSON object that a script left on the serial console behind `marker`.
pub(crate) fn on_console(device: &Device, marker: &str) -> Result<Value, JourneyError> {
    until(marker, BOOT, || {
        let console = device.console();
        let line = console.rsplit_once(marker).and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
        Ok(serde_json::from_str(line.trim()).ok())
    })
}
