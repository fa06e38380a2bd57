//! Updates, driven from outside through the public API: what an owner's script would do.

use std::path::Path;

use serde_json::json;
use system_tests::bundle::Press;
use system_tests::device::BOOT;
use system_tests::update::{Owned, UPDATE};
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;

use crate::crash_replay::judge_boots;

/// A bundle is handed in, tried live, judged, and stays; whatever a power cut could have left of the disk meanwhile boots.
#[tokio::test]
async fn an_uploaded_update_is_installed_and_stays() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned =
        Owned::switched_on(&fixture, Medium::Nvme, |spec| spec.drives[0].record = Some(spec.file("writes")))?;
    let before = owned.updates()?.unwrap_or_default();
    assert_eq!((&before["phase"], &before["slot"]), (&json!("idle"), &json!("A")), "{before}");
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (phase, plan) = (&answer.body["phase"], &answer.body["plan"]);
    assert_eq!((phase, &plan["live"]), (&json!("staged"), &json!(true)), "{}", answer.text);
    let boots = owned.device.machine.exits().len();
    let ended = owned.switch()?;
    assert_eq!(owned.device.machine.exits().len(), boots, "only user space was replaced");
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    assert_ne!(ended["version"], before["version"]);
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert_eq!((&status["slot"], &status["next_slot"]), (&json!("B"), &json!("B")), "{status}");
    assert_eq!(status["state"], "committed");
    owned.off()?;
    let sum = judge_boots(&fixture, &owned)?;
    assert!(sum.failures.is_empty(), "{:#?}", sum.failures);
    assert!(sum.points > 1000 && sum.opened > 50, "{} points, {} opened", sum.points, sum.opened);
    Ok(())
}

/// What is not trusted, not newer, or for another board or appliance is refused with a sentence, and nothing is written; nor is
/// what would be good, when there is no room left.
#[test]
fn what_is_not_for_this_device_is_refused() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let other_keys = press.other_keys()?;
    let stranger = press.bundle("0.1.2", Some(&other_keys))?;
    let older = press.bundle("0.0.9", None)?;
    let board = press.with_manifest(|manifest| manifest.compatible.board = "raspberry-pi-4".into())?;
    let layout = press.with_manifest(|manifest| manifest.compatible.layout = 9)?;
    let name = press.with_manifest(|manifest| manifest.name = "cider".into())?;
    let good = fixture.bundle("next")?;
    let bytes = std::fs::read(&good)?;
    let changed = |name: &str, bytes: &[u8]| -> Result<std::path::PathBuf, JourneyError> {
        let path = other_keys.join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let place = bytes.windows(14).position(|window| window == b"\"root_hash\": \"");
    let mut forged = bytes.clone();
    forged[place.expect("the manifest") + 20] ^= 1;
    let mut owned = Owned::start(&fixture)?;
    let before = owned.updates()?;
    let mut refused = |path: &Path, part: &str| -> Result<(), JourneyError> {
        let whole = std::fs::read(path)?;
        // All that is judged lies before the pack.
        let answer = owned.upload(&changed("judged", &whole[..whole.len().min(2_000_000)])?)?;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(part), "{}", answer.text);
        assert_eq!(owned.updates()?, before, "nothing changed");
        Ok(())
    };
    refused(&stranger, "not signed by whom this device trusts")?;
    refused(&older, "is older than")?;
    refused(&changed("forged", &forged)?, "not signed by whom")?;
    refused(&changed("short", &bytes[..3000])?, "broke off")?;
    refused(&changed("noise", &[7; 5000])?, "bundle")?;
    refused(&board, "another board: raspberry-pi-4")?;
    refused(&layout, "another layout")?;
    refused(&name, "an update for cider")?;
    // Only now: bundles are signed by an executor of their own, which none may hold.
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    executor.block_on(crate::damage::a_full_disk(&mut owned, &good)).map(drop)
}

/// A kernel that panics: the old system runs again, says why, and does not try it another time by itself.
#[tokio::test]
async fn a_system_that_panics_is_left_and_needs_the_owners_word() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let bad = Press::new(&fixture)?;
    let bad = bad.with_command_line("0.1.2", "rdinit=/init", "rdinit=/nope")?;
    stays(&fixture, &bad, "did not come up").await
}

/// Hands a bad bundle in, restarts, and expects to be on the old system again, with `part` in the sentence.
async fn stays(fixture: &Fixture, bad: &Path, part: &str) -> Result<(), JourneyError> {
    let mut owned = Owned::start(fixture)?;
    let answer = owned.upload(bad)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan = &answer.body["plan"];
    assert_eq!((&plan["live"], &plan["why"]), (&json!(false), &json!(["cmdline.txt"])), "{plan}");
    let ended = owned.switch()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("A"), &json!(false)), "{ended}");
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("Stayed on 0.1.0.") && sentence.contains(part), "{sentence}");
    let again = owned.upload(bad)?;
    assert_eq!(again.status, 422, "{}", again.text);
    assert!(again.text.contains("was tried before"), "{}", again.text);
    Ok(())
}

/// A kernel that stops while the system is on trial: its last words are kept and told.
#[tokio::test]
#[ignore = "a panic of another kind runs always: scripts/test full"]
async fn a_system_that_crashes_on_trial_says_what_its_kernel_said() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let boots = owned.device.machine.exits().len();
    owned.script.ask("POST", "/updates/restart?reboot=true", None)?;
    owned.device.machine.wait_exits(boots + 1, UPDATE)?;
    // As soon as anything can be told to the new system.
    let bus = owned.device.bus().await?;
    drop(tokio::time::timeout(BOOT, bus.shell("echo c > /proc/sysrq-trigger", BOOT)).await);
    owned.device.machine.wait_exits(boots + 2, UPDATE)?;
    let ended = owned.until_settled("A")?;
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("crashed: Kernel panic - not syncing: sysrq triggered crash"), "{ended}");
    assert!(!ended["last"]["log"].as_array().is_none_or(Vec::is_empty), "{ended}");
    Ok(())
}

/// A kernel that waits for ever: the firmware's watchdog resets the board.
#[tokio::test]
#[ignore = "waits for the firmware's watchdog: scripts/test full"]
async fn a_system_that_hangs_before_its_first_program_is_left() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let bad = press.with_command_lines(
        "0.1.2",
        &[
            ("quiet loglevel=4 panic=10 oops=panic", "root=/dev/nope rootwait"),
            ("rdinit=/init", "rdinit=/nope"),
        ],
    )?;
    stays(&fixture, &bad, "did not come up").await
}

/// The new system starts and then does nothing more: the guard ends the trial.
#[tokio::test]
#[ignore = "waits for the whole time of a trial: scripts/test full"]
async fn a_system_that_hangs_is_left() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let bad = press.with_command_line(
        "0.1.2",
        "quiet loglevel=4 panic=10 oops=panic",
        "systemd.unit=emergency.target",
    )?;
    stays(&fixture, &bad, "did not come up").await
}

/// The agent of the new system never starts: the guard ends the trial.
#[tokio::test]
#[ignore = "waits for the whole time of a trial: scripts/test full"]
async fn a_system_without_its_agent_is_left() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let bad = press.with_command_line(
        "0.1.2",
        "quiet loglevel=4 panic=10 oops=panic",
        "systemd.mask=tayberryd.service",
    )?;
    stays(&fixture, &bad, "did not come up").await
}

/// The front of the new system never starts: the health check says so.
#[tokio::test]
#[ignore = "waits for the deadline of a check: scripts/test full"]
async fn a_system_that_fails_its_health_check_is_left() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let press = Press::new(&fixture)?;
    let bad = press.with_command_line(
        "0.1.2",
        "quiet loglevel=4 panic=10 oops=panic",
        "systemd.mask=tayberry-front.service",
    )?;
    stays(&fixture, &bad, "The health check \"front\" failed").await
}
