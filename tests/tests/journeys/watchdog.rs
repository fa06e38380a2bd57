//! Each stage that something watches is made to hang, as `tayberryctl self-test watchdog` does it, and comes back by itself.

use std::time::Duration;

use serde_json::Value;
use system_tests::bus::Bus;
use system_tests::update::Owned;
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;
use tayberry_firmware::Medium;

/// The emulated watchdog waits for two minutes, and each stage needs a start of the device.
const TEST: Duration = Duration::from_secs(1500);
/// What the screen says behind the last stage.
const ENDED: &str = "Self-test of the watchdogs: ended";
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(60);

/// What the test found, once the screen says that it has ended.
async fn ended(owned: &Owned, from: usize) -> Result<Value, JourneyError> {
    let said = until("the end of the self-test", TEST, || {
        let console = owned.device.console();
        Ok(console.get(from..).is_some_and(|news| news.contains(ENDED)).then_some(console.len()))
    });
    let from =
        said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))?;
    let bus = owned.device.bus().await?;
    bus.shell("echo \"self-test $(tayberryctl --json self-test status)\" >/dev/ttyAMA0", ANSWER).await?;
    until("what it found", ANSWER, || {
        let console = owned.device.console();
        let line = console.get(from..).and_then(|news| news.rsplit_once("self-test {")?.1.lines().next());
        Ok(line.and_then(|line| serde_json::from_str(&format!("{{{line}")).ok()))
    })
}

/// Begins it, and returns what each stage took, in seconds.
async fn test(owned: &Owned, stages: &[&str]) -> Result<Vec<(String, u64)>, JourneyError> {
    let named: Vec<String> = stages.iter().map(|stage| format!("--stage {stage}")).collect();
    let bus: Bus = owned.device.bus().await?;
    let from = owned.device.console().len();
    let begun = bus.shell(&format!("tayberryctl self-test watchdog {}", named.join(" ")), ANSWER).await?;
    assert_eq!(begun, 0, "it does not begin");
    drop(bus);
    let test = ended(owned, from).await?;
    let done = test["done"].as_array().cloned().unwrap_or_default();
    assert!(done.iter().all(|one| one.get("why_not").is_none()), "{test}");
    let name = |one: &Value| one["stage"].as_str().unwrap_or_default().to_owned();
    Ok(done.iter().map(|one| (name(one), one["seconds"].as_u64().unwrap_or(0))).collect())
}

/// Process 1, the kernel, the initramfs: the hardware's watchdog. The agent: systemd's.
#[tokio::test]
#[ignore = "a quarter of an hour"]
async fn what_hangs_comes_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let owned = Owned::switched_on(&fixture, Medium::Sd, |_| ())?;
    let before = owned.device.machine.exits().len();
    let took = test(&owned, &["agent", "systemd", "kernel", "initramfs"]).await?;
    let names: Vec<_> = took.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["agent", "systemd", "kernel", "initramfs"]);
    let exits = owned.device.machine.exits();
    let resets = exits[before..].iter().filter(|exit| **exit == Exit::Watchdog).count();
    assert_eq!(resets, 3, "{exits:?}");
    assert!(took.iter().all(|(_, seconds)| *seconds > 0), "{took:?}");
    std::fs::write(fixture.paths.project.join("target/watchdog.json"), serde_json::json!(took).to_string())?;
    Ok(())
}

/// A service of the stack stands still, and its health check has it started anew.
#[tokio::test]
#[ignore = "five minutes"]
async fn a_service_that_hangs_comes_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::serving(&fixture, Medium::Sd, |_| ())?;
    owned.until_stack_settled()?;
    let took = test(&owned, &["service"]).await?;
    assert!(matches!(&took[..], [(name, seconds)] if name == "service" && *seconds > 0), "{took:?}");
    Ok(())
}
