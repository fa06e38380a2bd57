//! The operating system is replaced live: its services go on, and nobody notices. Whatever goes wrong with it ends in a system that works.

use std::time::Duration;

use serde_json::json;
use system_tests::bundle::Press;
use system_tests::console::{Serving, Writer};
use system_tests::device::BOOT;
use system_tests::load::{Load, Seen, sustained};
use system_tests::update::Owned;
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::Medium;

/// How long a short command may take.
const SHORT: Duration = Duration::from_secs(120);
/// One of so many requests that the board serves: a whole system starts beside them.
const SHARE: u32 = 8;
/// A unit that was started once had so many processes that log in its name: who started the container, and who watches it.
const STARTED_ONCE: usize = 2;
/// And one more who ended it.
const ENDED: usize = 1;
/// People who listen.
const LISTENERS: usize = 20;

/// People come, as many as the board can serve beside a switch, and so many listen; all are answered.
fn visited(fixture: &Fixture, serving: &Serving, listeners: usize) -> Result<(Seen, Load), JourneyError> {
    let mut seen = Seen::by(fixture, "live")?;
    let rate = sustained(serving, listeners, SHARE, &mut seen)?;
    let load = serving.visitors(rate, listeners)?;
    load.until_more(listeners)?;
    seen.without_failure(&format!("{rate} a second, before"), &load.so_far())?;
    Ok((seen, load))
}

/// The processes that a service's unit had since the device started, as its log names them.
async fn processes(owned: &Owned, service: &str) -> Result<Vec<String>, JourneyError> {
    let bus = owned.device.bus().await?;
    let before = owned.device.console().len();
    let unit = format!("stack-{service}");
    let list = format!(
        "{{ journalctl -b -u {unit}.service -o short --no-pager | cut -d ' ' -f 5 | sort -u; echo all of {unit}; }} >/dev/ttyAMA0"
    );
    assert_eq!(bus.shell(&list, SHORT).await?, 0);
    bus.hang_up().await?;
    let console = owned.device.console();
    let lines = console.get(before..).unwrap_or_default().lines().map(str::trim);
    Ok(lines.filter(|line| line.starts_with(&format!("{unit}["))).map(str::to_owned).collect())
}

/// The system changes live, and back, while people ask and write: not one request fails.
#[tokio::test]
#[ignore = "half an hour"]
async fn nobody_notices_an_update_and_the_way_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let (boots, before) = (serving.owned.device.machine.exits().len(), serving.owner.count()?);
    let bundle = fixture.bundle("next")?;
    let answer = serving.owned.upload(&bundle)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan = &answer.body["plan"];
    assert_eq!((&plan["live"], &plan["why"]), (&json!(true), &json!([])), "{plan}");
    let (mut seen, load) = visited(&fixture, &serving, LISTENERS)?;
    let (readers, writer) = (serving.readers()?, Writer::begin(serving.owner.clone()));

    let ended = serving.owned.switch()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    seen.without_failure("a live update, until it was committed", &load.so_far())?;
    // What ran before is still needed: nothing is written over it.
    let refused = serving.owned.upload(&bundle)?;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("Slot A is still in use"), "{}", refused.text);
    serving.owned.until_free()?;
    // The one that ran before went on after the switch, and then another took its place.
    for service in ["api", "gateway", "web"] {
        let [before, after] = [service.to_owned(), format!("{service}_b")];
        for (unit, count) in [(before, STARTED_ONCE + ENDED), (after, STARTED_ONCE)] {
            let had = processes(&serving.owned, &unit).await?;
            assert_eq!(had.len(), count, "{unit}: {had:?}");
        }
    }
    load.until_more(LISTENERS)?;
    seen.without_failure("a live update, until the slot before was free", &load.so_far())?;
    seen.without_failure("the same, of a database", &readers.so_far())?;

    let back = serving.owned.roll_back()?;
    assert_eq!((&back["slot"], &back["version"]), (&json!("A"), &json!("0.1.0")), "{back}");
    serving.owned.until_free()?;
    load.until_more(LISTENERS)?;
    seen.without_failure("the way back", &load.end()?)?;
    seen.without_failure("the same, of a database", &readers.end()?)?;
    let (refused, acknowledged) = (writer.refused(), writer.end()?);
    assert!(serving.owner.count()? - before >= acknowledged, "{acknowledged} were acknowledged");
    assert_eq!(refused, 0, "writes that failed beside {acknowledged}");
    assert_eq!(serving.owned.device.machine.exits().len(), boots, "the board never restarted");
    // A cold boot starts what was committed.
    serving.owned.off()?;
    serving.owned.device.machine.command(Command::PowerOn)?;
    let settled = serving.owned.until_settled("A")?;
    assert_eq!(settled["version"], "0.1.0", "{settled}");
    Ok(())
}

/// A system whose front does not start is left live, and says why; the services serve all the time.
#[tokio::test]
#[ignore = "a quarter of an hour"]
async fn a_system_that_is_ill_is_left_live() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let boots = serving.owned.device.machine.exits().len();
    break_in(&serving.owned, "tayberry-front.service", "0.1.1").await?;
    assert_eq!(serving.owned.upload(&fixture.bundle("next")?)?.status, 200);
    let (mut seen, load) = visited(&fixture, &serving, 0)?;
    let ended = serving.owned.switch()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("A"), &json!(false)), "{ended}");
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("Stayed on 0.1.0. The health check \"front\" failed"), "{sentence}");
    serving.owned.until_free()?;
    load.until_more(0)?;
    seen.without_failure("a live update that was left", &load.end()?)?;
    assert_eq!(serving.owned.device.machine.exits().len(), boots, "the board never restarted");
    Ok(())
}

/// An agent that never starts judges nothing: the guard goes back.
#[tokio::test]
#[ignore = "waits for the guard"]
async fn a_system_without_an_agent_is_left_by_the_guard() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let boots = owned.device.machine.exits().len();
    break_in(&owned, "tayberryd.service", "0.1.1").await?;
    assert_eq!(owned.upload(&fixture.bundle("next")?)?.status, 200);
    let ended = owned.switch()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("A"), &json!(false)), "{ended}");
    assert_eq!(owned.device.machine.exits().len(), boots, "the board never restarted");
    Ok(())
}

/// From now on a unit does not start in this version; `/run` outlasts a live update.
async fn break_in(owned: &Owned, unit: &str, version: &str) -> Result<(), JourneyError> {
    let bus = owned.device.bus().await?;
    let check = format!("case $(cat /usr/lib/os-release) in *{version}*) exit 1;; esac");
    let command = format!(
        "mkdir -p /run/systemd/system/{unit}.d && printf '[Service]\\nExecStartPre=/bin/sh /run/ill\\n' >/run/systemd/system/{unit}.d/ill.conf && echo '{check}' >/run/ill"
    );
    assert_eq!(bus.shell(&command, SHORT).await?, 0);
    bus.hang_up().await
}

/// Another kernel needs the firmware: the plan says so, and it is tried by a restart.
#[tokio::test]
#[ignore = "the panic of another kernel command line says the same: scripts/test full"]
async fn another_kernel_takes_a_restart() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let other = press.with_other_kernel("0.1.2")?;
    let mut owned = Owned::start(&fixture)?;
    let answer = owned.upload(&other)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan = &answer.body["plan"];
    assert_eq!((&plan["live"], &plan["why"]), (&json!(false), &json!(["kernel_2712.img"])), "{plan}");
    let boots = owned.device.machine.exits().len();
    let ended = owned.switch()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    assert_eq!(owned.device.machine.exits().len(), boots + 1, "it restarted");
    Ok(())
}

/// The power fails at any moment of live updates and of the way back: what starts then is committed, and is the old or the new one.
#[tokio::test]
#[ignore = "half an hour"]
async fn a_power_cut_at_any_moment_of_it_boots_a_verified_slot() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let mut version = "0.1.0".to_owned();
    let mut seed = 20_261_127_u64;
    for _ in 0..10 {
        let (next, other) = if version == "0.1.1" { ("third", "0.1.2") } else { ("next", "0.1.1") };
        if version != "0.1.2" {
            let answer = owned.upload_to(&fixture.bundle(next)?, "/updates?again=true")?;
            assert_eq!(answer.status, 200, "{}", answer.text);
            owned.script.ask("POST", "/updates/restart", None)?;
        } else {
            owned.script.ask("POST", "/updates/rollback", None)?;
        }
        // Numerical Recipes' generator: the same moments in every run.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
        let moment = Duration::from_secs(seed % 150);
        let begun = std::time::Instant::now();
        until("the moment", SHORT * 2, || Ok((begun.elapsed() >= moment).then_some(())))?;
        owned.off()?;
        owned.device.machine.command(Command::PowerOn)?;
        let now = until("what starts", BOOT, || Ok(owned.updates()?.filter(|now| now["phase"] == "idle")))?;
        let status = owned.script.expect(200, "GET", "/status", None)?;
        assert_eq!(status["state"], "committed", "{status}");
        let runs = now["version"].as_str().unwrap_or_default().to_owned();
        assert!([version.as_str(), other].contains(&runs.as_str()), "{runs} instead of {version} or {other}");
        version = runs;
    }
    Ok(())
}

/// The slot that the first one left is written by the second.
#[tokio::test]
#[ignore = "half an hour"]
async fn live_updates_in_a_row() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let boots = serving.owned.device.machine.exits().len();
    let (mut seen, load) = visited(&fixture, &serving, 0)?;
    for (name, version, slot) in [("next", "0.1.1", "B"), ("third", "0.1.2", "A")] {
        assert_eq!(serving.owned.upload(&fixture.bundle(name)?)?.status, 200);
        let ended = serving.owned.switch()?;
        assert_eq!((&ended["slot"], &ended["version"]), (&json!(slot), &json!(version)), "{ended}");
        serving.owned.until_free()?;
    }
    load.until_more(0)?;
    seen.without_failure("two live updates", &load.end()?)?;
    assert_eq!(serving.owned.device.machine.exits().len(), boots, "the board never restarted");
    Ok(())
}
