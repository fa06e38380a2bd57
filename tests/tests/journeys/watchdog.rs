//! Each stage that something watches is made to hang, as `tayberryctl self-test watchdog` does it, and comes back by itself.

use std::time::Duration;

use serde_json::Value;
use system_tests::bus::Bus;
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;
use tayberry_firmware::Medium;

/// The emulated watchdog waits for two minutes, and each stage needs a start of the device.
const TEST: Duration = Duration::from_secs(1500);
/// Between two questions: the device has better things to do.
const PAUSE: Duration = Duration::from_secs(5);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Asks again and again, through restarts of the device and of its agent, until the test has ended.
async fn ended(owned: &Owned) -> Result<Value, JourneyError> {
    let deadline = tokio::time::Instant::now() + TEST;
    loop {
        let from = owned.device.console().len();
        let asked = async {
            let bus = owned.device.bus().await?;
            bus.shell("echo \"self-test $(tayberryctl --json self-test status)\" >/dev/ttyAMA0", ANSWER).await
        };
        if let Ok(Ok(0)) = tokio::time::timeout(ANSWER * 3, asked).await {
            let console = owned.device.console();
            let line = console.get(from..).and_then(|news| news.rsplit_once("self-test {")?.1.lines().next());
            let test: Value =
                serde_json::from_str(&format!("{{{}", line.unwrap_or_default())).unwrap_or_default();
            let waits = test["waiting"].as_array().is_none_or(|waiting| !waiting.is_empty());
            if !waits && test.get("running").is_none() {
                return Ok(test);
            }
        }
        tokio::time::sleep(PAUSE).await;
        if tokio::time::Instant::now() > deadline {
            return Err(JourneyError::Failed(format!("it has not ended\n{}", owned.device.console_end())));
        }
    }
}

/// Begins it, and returns what each stage took, in seconds.
async fn test(owned: &Owned, stages: &[&str]) -> Result<Vec<(String, u64)>, JourneyError> {
    let named: Vec<String> = stages.iter().map(|stage| format!("--stage {stage}")).collect();
    let bus: Bus = owned.device.bus().await?;
    let begun = bus.shell(&format!("tayberryctl self-test watchdog {}", named.join(" ")), ANSWER).await?;
    assert_eq!(begun, 0, "it does not begin");
    drop(bus);
    let test = ended(owned).await?;
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
