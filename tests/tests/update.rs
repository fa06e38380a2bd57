//! Updates, driven from outside through the public API: what an owner's script would do.

use serde_json::json;
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};

/// A bundle is handed in, tried, judged, and stays.
#[tokio::test]
async fn an_uploaded_update_is_installed_and_stays() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let before = owned.updates()?.unwrap_or_default();
    assert_eq!((&before["phase"], &before["slot"]), (&json!("idle"), &json!("A")), "{before}");
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["phase"], "staged", "{}", answer.text);
    let ended = owned.restart()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    assert_ne!(ended["version"], before["version"]);
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert_eq!((&status["slot"], &status["next_slot"]), (&json!("B"), &json!("B")), "{status}");
    assert_eq!(status["state"], "committed");
    Ok(())
}
