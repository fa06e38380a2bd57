//! `scripts/bench stack`: what the system's stack serves and costs, in the virtual Pi 5: reads and writes of the API through the gateway,
//! beside the API alone and beside Caddy with a static file, each reached past the gateway. `scripts/bench stack native`: the same
//! programs on this machine's own processor.

pub(crate) mod native;

use serde_json::{Value, json};
use system_tests::console::{ALL, SERVICES, Serving};
use system_tests::device::BOOT;
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::Medium;

use crate::load::{Load, load};
use crate::{failed, hundredths, result};

const MIB: f64 = 1_048_576.0;

/// Runs the benchmark.
///
/// # Errors
/// When the device does not come up, or a tool is missing.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let mut serving = Serving::start_with(fixture, Medium::Nvme, &[PAST_API, PAST_WEB], |_| ())?;
    let healthy = kernel_to_healthy(&mut serving).await?;
    serving.owner.sign_in_as_owner()?;
    past_the_gateway(&serving).await?;
    let rss = resident(&serving).await?;

    let (cookie, csrf) = serving.owner.proof()?;
    let headers = [format!("Cookie: __Host-console={cookie}"), format!("X-Console-Csrf: {csrf}")];
    let gateway = format!("https://localhost:{}", serving.port);
    let [api, web] = [0, 1].map(|index| format!("http://localhost:{}", serving.past[index]));
    let loads = measure(&gateway, &api, &web, &headers)?;
    report(("kernel start to all services healthy", "kernel_to_healthy_s", healthy), &rss, &loads);
    Ok(())
}

/// What is served: reads and writes of the API through the gateway, reads of it alone, a file of Caddy's.
fn measure(
    gateway: &str,
    api: &str,
    web: &str,
    headers: &[String],
) -> Result<[(&'static str, Load); 4], JourneyError> {
    let path = "api/preferences";
    Ok([
        ("read through the gateway", load(&format!("{gateway}/{path}"), headers, None)?),
        (
            "write through the gateway",
            load(&format!("{gateway}/{path}"), headers, Some(r#"{"language":"de"}"#))?,
        ),
        ("read of the API alone", load(&format!("{api}/{path}"), headers, None)?),
        ("static file of Caddy alone", load(&format!("{web}/"), &[], None)?),
    ])
}

/// Ports of the device that lead past the gateway.
const PAST_API: u16 = 9080;
const PAST_WEB: u16 = 9081;

/// Seconds from the kernel's start until the last service is ready, in a later boot.
async fn kernel_to_healthy(serving: &mut Serving) -> Result<f64, JourneyError> {
    serving.owned.device.bus().await?.shell("sync", BOOT).await?;
    serving.owned.off()?;
    serving.owned.device.machine.command(Command::PowerOn)?;
    serving.owned.until_answers()?;
    serving.until_healthy()?;
    let bus = serving.owned.device.bus().await?;
    let mut last = 0.0;
    for service in ALL {
        let ready = bus.active_since_boot(&format!("stack-{service}.service")).await?;
        last = ready.as_secs_f64().max(last);
    }
    Ok(last)
}

/// The device passes two of its ports on to the containers; their networks lead nowhere, so it answers in its own name.
async fn past_the_gateway(serving: &Serving) -> Result<(), JourneyError> {
    let bus = serving.owned.device.bus().await?;
    if bus.shell(include_str!("past"), SERVICES).await? == 0 {
        return Ok(());
    }
    Err(failed(format!("the way past the gateway\n{}", serving.owned.device.console_end())))
}

/// Resident memory of each service's process, in MiB.
async fn resident(serving: &Serving) -> Result<Value, JourneyError> {
    let bus = serving.owned.device.bus().await?;
    bus.shell(include_str!("rss"), SERVICES).await?;
    until("the memory of the services", SERVICES, || {
        let console = serving.owned.device.console();
        let line =
            console.rsplit_once("resident: ").and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
        let Ok(kib) = serde_json::from_str::<serde_json::Map<String, Value>>(line.trim()) else {
            return Ok(None);
        };
        let mib = kib.into_iter().map(|(name, kib)| {
            let mib = kib.as_f64().unwrap_or_default() * 1024.0 / MIB;
            (name, json!(hundredths(mib)))
        });
        Ok(Some(Value::Object(mib.collect())))
    })
}

/// Prints it; `start` is what it took until all were healthy: in words, for programs, in seconds.
fn report(start: (&str, &str, f64), rss: &Value, loads: &[(&str, Load); 4]) {
    let (words, key, healthy) = start;
    println!("{words:44} {healthy:10.2} s");
    for (name, mib) in rss.as_object().into_iter().flatten() {
        println!("{:44} {:10.2} MiB", format!("resident memory of {name}"), mib.as_f64().unwrap_or_default());
    }
    println!("{:44} {:>10} {:>12}", "", "requests/s", "p99 in ms");
    for (name, load) in loads {
        println!("{name:44} {:10.1} {:12.1}", load.per_second, load.p99_ms);
    }
    let [read, write, alone, fixed] = loads.map(|(_, load)| load);
    println!("{:44} {:10.2} x", "read, of the API alone", read.per_second / alone.per_second);
    result(&json!({
        "read_rps": hundredths(read.per_second), "read_p99_ms": hundredths(read.p99_ms),
        "write_rps": hundredths(write.per_second), "write_p99_ms": hundredths(write.p99_ms),
        "api_alone_rps": hundredths(alone.per_second), "api_alone_p99_ms": hundredths(alone.p99_ms),
        "caddy_static_rps": hundredths(fixed.per_second), "caddy_static_p99_ms": hundredths(fixed.p99_ms),
        // Programs without a board have no kernel that starts.
        "kernel_to_healthy_s": null, key: hundredths(healthy), "rss_mib": rss,
    }));
}
