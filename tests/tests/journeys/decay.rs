//! A committed system that decays on the drive: the device counts its starts, and goes to the slot that is whole.

use serde_json::json;
use system_tests::damage::decay;
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry_format::slot::Slot;

#[tokio::test]
#[ignore = "rescue.rs is of the same kind: scripts/test full"]
async fn a_committed_system_that_decays_is_left_for_the_other_slot() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::updated(&fixture)?;
    owned.while_off(|disk| decay(disk, Slot::B))?;
    let now = owned.until_settled("A")?;
    assert_eq!((&now["version"], &now["previous"]), (&json!("0.1.0"), &json!(null)), "{now}");
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert!(status["notices"].to_string().contains("slot B is damaged"), "{status}");
    assert_eq!((&status["next_slot"], &status["state"]), (&json!("A"), &json!("committed")), "{status}");
    Ok(())
}
