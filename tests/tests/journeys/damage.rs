//! What a device makes of damage: to the file that names its system, to the slot that is tried, to a full data partition.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use system_tests::bus::Bus;
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::locate;
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot;
use tayberry_format::{autoboot, verity};

const SHORT: Duration = Duration::from_secs(90);

/// Fills the data partition to the last block, with files that are made at once.
const FILL: &str = "for size in 8G 2G 512M 128M 32M 8M 2M 512K 128K 32K 4K; do n=0; \
    while [ $n -lt 9 ] && fallocate -l $size /var/lib/fill.$size.$n 2>/dev/null; do n=$((n+1)); done; done; \
    rm -f /var/lib/fill.*.9; ! dd if=/dev/zero of=/var/lib/fill.end bs=4k count=1 conv=fsync 2>/dev/null";

/// What happens to a disk.
type Damage = fn(&std::fs::File) -> std::io::Result<()>;

fn autoboot_at(disk: &std::fs::File) -> std::io::Result<u64> {
    let place = locate(disk, layout::CONFIG.number, autoboot::FILE).map_err(std::io::Error::other)?;
    Ok(place.extents[0].offset)
}

/// Takes the file's name out of the directory, as deleting it does.
fn delete(disk: &std::fs::File) -> std::io::Result<()> {
    let mut bytes = vec![0; 4 << 20];
    disk.read_exact_at(&mut bytes, layout::CONFIG.start)?;
    let place = bytes.windows(11).position(|name| name == b"AUTOBOOTTXT");
    let place = place.ok_or_else(|| std::io::Error::other("no such name"))?;
    disk.write_all_at(&[0xe5], layout::CONFIG.start + place as u64)
}

/// Deleted, zeroed, half written: the device starts, repairs the file, and says so.
#[tokio::test]
#[ignore = "crash_replay repairs the file as well: scripts/test full"]
async fn a_lost_autoboot_txt_is_written_anew() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let damages: [(&str, Damage); 3] = [
        ("deleted", delete),
        ("zeroed", |disk| disk.write_all_at(&[0; autoboot::BYTES], autoboot_at(disk)?)),
        ("half written", |disk| disk.write_all_at(&[0xff; 40], autoboot_at(disk)?)),
    ];
    for (what, damage) in damages {
        owned.while_off(damage)?;
        owned.until_settled("A")?;
        let status = owned.script.expect(200, "GET", "/status", None)?;
        let told = status["notices"].to_string();
        assert!(told.contains("has been repaired"), "{what}: {status}");
        assert_eq!(
            (&status["next_slot"], &status["state"]),
            (&json!("A"), &json!("committed")),
            "{what}: {status}"
        );
        let disk = std::fs::File::open(owned.device.disk(0))?;
        let text = tayberry_firmware::read(&disk, layout::CONFIG.number, autoboot::FILE, 4096);
        let text = text.map_err(|error| JourneyError::Failed(error.to_string()))?;
        assert_eq!(autoboot::default_slot(&text), Some(Slot::A), "{what}");
    }
    Ok(())
}

/// A block of the new system that cannot be read any more, after everything was read back well.
#[tokio::test]
#[ignore = "rescue.rs is of the same kind: scripts/test full"]
async fn a_block_that_decays_before_the_trial_is_found() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    owned.while_off(|disk| {
        let start = layout::system(Slot::B).start;
        let mut head = [0; verity::BLOCK];
        disk.read_exact_at(&mut head, start + HASH_OFFSET)?;
        let blocks = verity::Header::decode(&head).map_err(std::io::Error::other)?.data_blocks;
        disk.write_all_at(&[0x5a; 64], start + (blocks - 1) * verity::BLOCK as u64)
    })?;
    let waits = "what was written waits over a power cut";
    let staged = system_tests::web::until(waits, system_tests::update::UPDATE, || {
        Ok(owned.updates()?.filter(|now| now["phase"] == "staged"))
    })?;
    assert_eq!(staged["target"], "0.1.1", "{staged}");
    let ended = owned.restart()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("A"), &json!(false)), "{ended}");
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("Stayed on 0.1.0. The health check \"system partition\" failed"), "{ended}");
    Ok(())
}

/// Without room for a record nothing is begun, and that is said.
pub(crate) async fn a_full_disk(owned: &mut Owned, bundle: &Path) -> Result<Bus, JourneyError> {
    let bus = owned.device.bus().await?;
    assert_eq!(bus.shell(FILL, SHORT).await?, 0, "the data partition is full");
    let before = owned.updates()?;
    let answer = owned.upload(bundle)?;
    assert_eq!(answer.status, 500, "{}", answer.text);
    assert!(answer.text.contains("No space left"), "{}", answer.text);
    assert_eq!(owned.updates()?, before, "nothing was begun");
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert!(status["notices"].to_string().contains("almost full"), "{status}");
    Ok(bus)
}

/// With room again it works.
#[tokio::test]
#[ignore = "that nothing is begun is shown always: scripts/test full"]
async fn a_full_data_partition_is_said_and_does_no_harm() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let bus = a_full_disk(&mut owned, &fixture.bundle("next")?).await?;
    assert_eq!(bus.shell("rm /var/lib/fill.*", SHORT).await?, 0);
    // The same on the device: it shows, and refuses with another exit code.
    assert_eq!(bus.shell("tayberryctl update && tayberryctl --json update", SHORT).await?, 0);
    for refused in ["check", "install", "restart", "cancel", "rollback", "file /nope"] {
        assert_eq!(bus.shell(&format!("tayberryctl update {refused}"), SHORT).await?, 1, "{refused}");
    }
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(())
}

/// Twenty power cuts at random moments of an update that is fetched: it ends on the new system, and never on none.
#[tokio::test]
#[ignore = "takes a quarter of an hour: scripts/test full"]
async fn twenty_power_cuts_do_not_keep_an_update_from_its_end() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = system_tests::shop::Shop::open(&fixture)?;
    shop.publish(&fixture.bundle("next")?, 30)?;
    let mut owned = Owned::start_with(&fixture, |spec| spec.outside = Some(shop.port))?;
    owned.script.expect(200, "PATCH", "/settings", Some(&shop.settings()))?;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for cut in 0..20 {
        let now = owned.until_answers()?;
        assert!(["0.1.0", "0.1.1"].contains(&now["version"].as_str().unwrap_or_default()), "{cut}: {now}");
        owned.go_on(&now)?;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // The moment is what is random: there is nothing to wait for.
        std::thread::park_timeout(Duration::from_millis(seed % 40_000));
        owned.while_off(|_| Ok(()))?;
    }
    system_tests::web::until("the end of the update", system_tests::update::UPDATE, || {
        let now = owned.until_answers()?;
        if now["version"] == "0.1.1" && now["phase"] == "idle" {
            return Ok(Some(()));
        }
        owned.go_on(&now)?;
        Ok(None)
    })?;
    Ok(())
}
