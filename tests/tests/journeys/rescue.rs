//! Rescue: a device whose system does not start any more is brought back by its owner, over the network alone.

use serde_json::json;
use system_tests::damage::{decay, garble_initramfs};
use system_tests::device::BOOT;
use system_tests::update::{Owned, UPDATE};
use system_tests::web::{Client, OWNER, PASSWORD, until};
use system_tests::{Fixture, JourneyError};
use tayberry_format::slot::Slot;

/// Damages the disk while the power is off, and waits until the device is in rescue. Returns the code on its screen.
fn into_rescue(
    owned: &Owned,
    damage: impl FnOnce(&std::fs::File) -> std::io::Result<()>,
) -> Result<String, JourneyError> {
    let before = owned.device.console().len();
    owned.while_off(damage)?;
    let code = owned.device.rescue_code(before);
    code.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))
}

/// Waits until the page of rescue answers.
fn until_phase(client: &mut Client, phase: &str) -> Result<(), JourneyError> {
    until(&format!("the phase {phase}"), BOOT, || {
        let overview = client.ask("GET", "/overview", None)?.body;
        Ok((overview["phase"] == phase).then_some(()))
    })
}

#[tokio::test]
async fn an_owner_saves_the_data_and_brings_another_system() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    into_rescue(&owned, |disk| decay(disk, Slot::A))?;
    // The authority is the device's own: the browser trusts it as before.
    let mut client = owned.script.another("rescue");
    until_phase(&mut client, "rescue")?;
    client.expect(401, "GET", "/rescue", None)?;
    client.expect(401, "POST", "/session", Some(&json!({ "name": OWNER, "password": "quark" })))?;
    client.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    let found = client.expect(200, "GET", "/rescue", None)?;
    assert_eq!((&found["cause"], &found["data_problem"]), (&json!("both-damaged"), &json!(null)), "{found}");
    assert_eq!((&found["slots"][0]["default"], &found["name"]), (&json!(true), &json!("attic")), "{found}");
    let refused = client.ask("GET", "/status", None)?;
    assert_eq!((refused.status, &refused.body["kind"]), (409, &json!("in-rescue")), "{}", refused.text);
    let nothing = client.ask("POST", "/updates/rollback", None)?;
    assert_eq!(nothing.status, 500, "{}", nothing.text);

    let archive = owned.device.folder().join("data.tar");
    let saved = client.fetch("/rescue/export", &archive)?;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let listed = std::process::Command::new("tar").arg("-tf").arg(&archive).output()?;
    let names = String::from_utf8_lossy(&listed.stdout);
    assert!(listed.status.success() && names.contains("attic-data/lib/tayberry/authority.pem"), "{names}");

    let answer = client.send(&fixture.bundle("next")?, "/updates", UPDATE)?;
    assert_eq!((answer.status, &answer.body["phase"]), (200, &json!("staged")), "{}", answer.text);
    client.expect(200, "POST", "/updates/restart", None)?;
    // Everything else is as it was: the token still signs in.
    let now = owned.until_settled("B")?;
    assert_eq!(now["version"], json!("0.1.1"), "{now}");
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert!(status["notices"].to_string().contains("slot A is damaged"), "{status}");
    Ok(())
}

#[tokio::test]
#[ignore = "an owner's way out runs always: scripts/test full"]
async fn whoever_sees_the_screen_can_erase_the_device_and_begin_anew() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let owned = Owned::start(&fixture)?;
    let code = into_rescue(&owned, |disk| decay(disk, Slot::A))?;
    let mut client = owned.script.another("rescue");
    until_phase(&mut client, "rescue")?;
    client.expect(403, "POST", "/claim", Some(&json!({ "code": "0000 0000" })))?;
    client.expect(200, "POST", "/claim", Some(&json!({ "code": code })))?;
    client.expect(422, "POST", "/factory-reset", Some(&json!({ "name": "cellar" })))?;
    let before = owned.device.console().len();
    client.expect(204, "POST", "/factory-reset", Some(&json!({ "name": "attic" })))?;
    // The systems are still damaged, so it comes back here; but nothing is left of its owner.
    let code = owned.device.rescue_code(before)?;
    let mut client = Client::new(&owned.device, owned.port, "tayberry.local")?;
    until_phase(&mut client, "rescue-without-owner")?;
    client.expect(409, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    client.expect(200, "POST", "/claim", Some(&json!({ "code": code })))?;
    let found = client.expect(200, "GET", "/rescue", None)?;
    assert!(found["data_problem"].is_string(), "{found}");
    client.expect(500, "GET", "/rescue/export", None)?;
    let answer = client.send(&fixture.bundle("next")?, "/updates", UPDATE)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    client.expect(200, "POST", "/updates/restart", None)?;
    // Another authority: the device is a new one.
    until("a device without owner", UPDATE, || {
        let answer = client.curl(&["--insecure"], "/api/v1/overview")?;
        Ok((answer.body["phase"] == "unclaimed" && answer.body["version"] == "0.1.1").then_some(()))
    })
}

#[tokio::test]
#[ignore = "an owner's way out runs always: scripts/test full"]
async fn a_system_that_is_whole_and_does_not_start_is_left_by_the_owners_word() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::updated(&fixture)?;
    into_rescue(&owned, |disk| garble_initramfs(disk, Slot::B))?;
    let mut client = owned.script.another("rescue");
    until_phase(&mut client, "rescue")?;
    client.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    let found = client.expect(200, "GET", "/rescue", None)?;
    assert_eq!(
        (&found["cause"], &found["slots"][1]["default"]),
        (&json!("does-not-start"), &json!(true)),
        "{found}"
    );
    client.expect(200, "POST", "/updates/rollback", None)?;
    let now = owned.until_settled("A")?;
    assert_eq!(now["version"], json!("0.1.0"), "{now}");
    Ok(())
}
