//! Every disk that a power cut could leave while a device is set up, updated, repaired and rolled back, made from what it
//! really wrote.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use system_tests::replay::{Recording, Tally, replay};
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::disk;
use tayberry::emulate::recorded;
use tayberry_firmware::{Medium, locate};
use tayberry_format::{autoboot, layout};

/// The least number of disks that are judged in a run.
const POINTS: u64 = 5000;

/// The disk at the beginning of each boot, and what that boot wrote.
fn boots(owned: &Owned) -> Vec<(PathBuf, PathBuf)> {
    let (before, writes) = (recorded::before(&owned.device.disk(0)), owned.device.machine.port("writes"));
    (0..)
        .map(|boot| (recorded::kept(&before, boot), recorded::kept(&writes, boot)))
        .take_while(|(_, writes)| writes.exists())
        .chain([(before.clone(), writes.clone())])
        .collect()
}

/// The write that makes a slot the default.
fn commits(offset: u64, bytes: &[u8]) -> bool {
    let config = layout::CONFIG;
    (config.start..config.start + config.bytes).contains(&offset) && autoboot::default_slot(bytes).is_some()
}

/// Replays one boot on a copy of its disk.
fn judge(fixture: &Fixture, recording: &Recording, before: &Path) -> Result<Tally, JourneyError> {
    let folder = fixture.folder()?;
    let memory = tempfile::Builder::new().prefix("tayberry-replay-").tempdir_in("/dev/shm")?;
    let base = folder.path().join("base");
    disk::copy_sparse(before, &base)?;
    replay(recording, &base, memory.path())
}

/// Damages the sector and the head of the file system, so that the partition has to be made anew.
fn damage(disk: &File) -> std::io::Result<()> {
    let place = locate(disk, layout::CONFIG.number, autoboot::FILE).map_err(std::io::Error::other)?;
    disk.write_all_at(&[0; 512], place.extents[0].offset)?;
    disk.write_all_at(&[0; 4096], layout::CONFIG.start)
}

/// The default slot was found to be another one than the agent had on record.
fn is_caught(tally: &Tally) -> bool {
    tally.failures.iter().any(|why| why.contains("is the default, and slot"))
}

/// Judges all boots so far.
pub(crate) fn judge_boots(fixture: &Fixture, owned: &Owned) -> Result<Tally, JourneyError> {
    let mut sum = Tally::default();
    for (number, (before, writes)) in boots(owned).into_iter().enumerate() {
        let recording = Recording::read(&writes)?;
        let tally = judge(fixture, &recording, &before)?;
        sum.points += tally.points;
        sum.opened += tally.opened;
        sum.failures.extend(tally.failures.into_iter().map(|why| format!("boot {number}, {why}")));
    }
    Ok(sum)
}

#[tokio::test]
#[ignore = "long; an update alone is replayed always: scripts/test crash-replay"]
async fn crash_replay() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned =
        Owned::switched_on(&fixture, Medium::Nvme, |spec| spec.drives[0].record = Some(spec.file("writes")))?;
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ended = owned.restart()?;
    assert_eq!(ended["slot"], "B", "{ended}");
    // The firmware finds slot A now; the device repairs the file and restarts into the slot that was committed.
    owned.while_off(damage)?;
    owned.until_settled("B")?;
    let back = owned.roll_back()?;
    assert_eq!(back["slot"], "A", "{back}");
    owned.off()?;

    let sum = judge_boots(&fixture, &owned)?;
    let report = serde_json::json!({ "points": sum.points, "failures": sum.failures.len() });
    std::fs::write(fixture.paths.project.join("target/crash-replay.json"), format!("{report}\n"))?;
    assert!(sum.failures.is_empty(), "{:#?}", sum.failures);
    assert!(sum.points >= POINTS, "{} points", sum.points);
    assert!(sum.opened > 100, "{} data partitions were opened", sum.opened);

    // The test of the test: bugs that this must catch.
    let committed = boots(&owned).into_iter().nth(1);
    let (before, writes) = committed.ok_or_else(|| JourneyError::Failed("no boot committed".into()))?;
    let mut early = Recording::read(&writes)?;
    early.too_early(commits);
    assert!(is_caught(&judge(&fixture, &early, &before)?), "a commit before the gate is caught");
    let mut loose = Recording::read(&writes)?;
    loose.without_flush(commits);
    assert!(is_caught(&judge(&fixture, &loose, &before)?), "a missing flush is caught");
    Ok(())
}
