//! A committed system that decays on the drive: the device counts its starts, and goes to the slot that is whole.

use std::os::unix::fs::FileExt;

use serde_json::json;
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::verity::{BLOCK, Header};

/// Every eighth block of the committed system is gone: whatever it does, it does not come up.
fn decay(disk: &std::fs::File) -> std::io::Result<()> {
    let start = layout::system(Slot::B).start;
    let mut head = [0; BLOCK];
    disk.read_exact_at(&mut head, start + HASH_OFFSET)?;
    let blocks = Header::decode(&head).map_err(std::io::Error::other)?.data_blocks;
    for block in (8..blocks).step_by(8) {
        disk.write_all_at(&[0x5a; 64], start + block * BLOCK as u64)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_committed_system_that_decays_is_left_for_the_other_slot() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ended = owned.restart()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    owned.while_off(decay)?;
    let now = owned.until_settled("A")?;
    assert_eq!((&now["version"], &now["previous"]), (&json!("0.1.0"), &json!(null)), "{now}");
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert!(status["notices"].to_string().contains("slot B is damaged"), "{status}");
    assert_eq!((&status["next_slot"], &status["state"]), (&json!("A"), &json!("committed")), "{status}");
    Ok(())
}
