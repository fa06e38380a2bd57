//! What the device says of its hardware: readings for pages and collectors, a drive that announces its end, a supply that is too weak.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use system_tests::device::BOOT;
use system_tests::update::Owned;
use system_tests::web::{Client, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::Medium;

/// Drives and the supply are looked at once a minute.
const LOOK: Duration = Duration::from_secs(180);

/// Waits until the status page's notices hold `wanted`, or do not.
fn notices(owned: &mut Owned, wanted: &str, holds: bool) -> Result<(), JourneyError> {
    let said = until(wanted, LOOK, || {
        let status = owned.script.expect(200, "GET", "/status", None)?;
        let found = status["notices"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|notice| notice.as_str().is_some_and(|notice| notice.contains(wanted)));
        Ok((found == holds).then_some(()))
    });
    said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))
}

/// One look at the readings.
fn metrics(owned: &mut Owned) -> Result<Value, JourneyError> {
    owned.script.expect(200, "GET", "/metrics", None)
}

/// A board whose kernel has no clock that goes on: the firmware's does, as long as it has a battery.
#[tokio::test]
#[ignore = "restarts the device"]
async fn a_battery_keeps_the_time() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let owned = Owned::switched_on(&fixture, Medium::Sd, |spec| spec.clock = Some("1970-01-01".to_owned()))?;
    let mut anybody = Client::new(&owned.device, owned.port, "attic.local")?;
    let mut known = |what: &str, wanted: bool| {
        let said = until(what, BOOT, || {
            let answer = anybody.ask("GET", "/overview", None)?;
            Ok((answer.status == 200 && answer.body["time_known"] == wanted).then_some(answer.body))
        });
        said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))
    };
    known("no time", false)?;
    // The clock without a battery comes first: once the system has known the time, it goes on from the last one that it saved.
    let mut again = |battery: u32, what: &str, wanted: bool| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        owned.device.machine.mailbox(|mailbox| {
            mailbox.rtc.registers[0] = u32::try_from(now).unwrap_or(0);
            mailbox.rtc.registers[7] = battery;
        });
        owned.off()?;
        owned.device.machine.command(Command::PowerOn)?;
        Ok::<_, JourneyError>((known(what, wanted)?, now))
    };
    again(0, "no time without a battery", false)?;
    let (overview, now) = again(3_000_000, "the battery's time", true)?;
    assert!(overview["now"].as_u64().is_some_and(|device| device.abs_diff(now) < 900), "{overview}");
    Ok(())
}

/// From the NVMe drive, whose health QEMU lets the test decide about.
#[tokio::test]
#[ignore = "boots from NVMe"]
async fn a_dying_drive_and_a_weak_supply_are_announced() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::switched_on(&fixture, Medium::Nvme, |_| ())?;
    let drive = until("the first look at the drives", LOOK, || {
        let metrics = metrics(&mut owned)?;
        Ok(metrics["drives"].get(0).cloned())
    })?;
    assert_eq!((&drive["kind"], &drive["system"]), (&"nvme".into(), &true.into()), "{drive}");
    assert_eq!(drive["wear"]["used_percent"], 0, "{drive}");
    assert!(drive["wear"]["written_bytes_ever"].as_u64() > Some(0), "{drive}");
    let seen = metrics(&mut owned)?;
    let names: Vec<_> =
        seen["services"].as_array().into_iter().flatten().map(|one| &one["service"]).collect();
    assert!(
        names.contains(&&Value::from("tayberryd")) && names.contains(&&Value::from("tayberry-front")),
        "{seen}"
    );
    assert_eq!(seen["cooling"]["temperatures"][0]["sensor"], "processor", "{seen}");

    let authority = owned.script.authority().display().to_string();
    let bearer = format!("Authorization: Bearer {}", owned.script.token.as_deref().unwrap_or_default());
    let page = owned.script.curl(&["--cacert", &authority, "--header", &bearer], "/metrics")?;
    assert_eq!(page.status, 200, "{}", page.text);
    for line in
        ["tayberry_drive_used_ratios{drive=\"nvme0n1\"} 0.0", "# TYPE tayberry_service_memory_bytes gauge"]
    {
        assert!(page.text.lines().any(|other| other == line), "{line} is not in\n{}", page.text);
    }
    assert!(page.text.ends_with("# EOF\n"), "{}", page.text);
    assert_eq!(owned.script.curl(&["--cacert", &authority], "/metrics")?.status, 401);

    owned.device.machine.command(Command::Smart(0b101))?;
    notices(&mut owned, "cannot be relied on", true)?;
    notices(&mut owned, "spare blocks", true)?;
    assert!(owned.device.console().contains("cannot be relied on"), "it is on the screen, too");
    owned.device.machine.mailbox(|mailbox| mailbox.throttled = 0x5_0005);
    notices(&mut owned, "The power supply is too weak", true)?;
    owned.device.machine.mailbox(|mailbox| mailbox.throttled = 0x5_0000);
    notices(&mut owned, "The power supply was too weak", true)
}
