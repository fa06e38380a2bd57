//! Updates from a repository, driven from outside as an owner's script would, with servers that behave well and badly.

use std::os::unix::fs::FileExt;

use futures_util::StreamExt;
use serde_json::{Value, json};
use system_tests::shop::{Manner, Shop};
use system_tests::update::{Owned, UPDATE};
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;
use tayberry_format::layout;
use tayberry_format::slot::Slot;

/// A device that knows the repository.
fn customer(fixture: &Fixture, shop: &Shop<'_>) -> Result<Owned, JourneyError> {
    knows(Owned::start_with(fixture, |spec| spec.outside = Some(shop.port))?, shop)
}

/// Tells a device of the repository.
fn knows(mut owned: Owned, shop: &Shop<'_>) -> Result<Owned, JourneyError> {
    let settings = owned.script.expect(200, "PATCH", "/settings", Some(&shop.settings()))?;
    assert_eq!(settings["repository"], shop.address(), "{settings}");
    Ok(owned)
}

/// Where updates are, in short.
fn short(now: &Value) -> (&str, &str, &str) {
    let text = |value: &'static str| now[value].as_str().unwrap_or_default();
    (text("version"), text("slot"), text("phase"))
}

/// Fetched, tried, kept; and the next one, handed in, goes to the slot where the first one ran.
#[tokio::test]
#[ignore = "an uploaded update runs always: scripts/test full"]
async fn a_pulled_update_stays_then_another() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = Shop::open(&fixture)?;
    let mut owned = customer(&fixture, &shop)?;
    shop.publish(&fixture.bundle("next")?, 30)?;
    let asked = owned.script.expect(200, "POST", "/updates/check", None)?;
    let offered = &asked["available"];
    assert_eq!(offered["version"], "0.1.1", "{asked}");
    let (part, full) = (offered["download_bytes"].as_u64(), offered["full_bytes"].as_u64());
    assert!(part < full.map(|full| full / 4), "only what changed: {offered}");

    let plan = &offered["plan"];
    assert_eq!(
        (&plan["live"], &plan["why"]),
        (&json!(true), &json!([])),
        "said before it is fetched: {plan}"
    );

    let staged = owned.install(&json!({}))?;
    assert_eq!(short(&staged), ("0.1.0", "A", "staged"), "{staged}");
    assert_eq!(&staged["plan"], plan, "as it was written");
    assert_eq!(Some(shop.packs()), part, "what was fetched is what was announced");
    let ended = owned.restart()?;
    assert_eq!(short(&ended), ("0.1.1", "B", "idle"), "{ended}");
    assert_eq!((&ended["last"]["stayed"], &ended["previous"]), (&json!(true), &json!("0.1.0")), "{ended}");

    let answer = owned.upload(&fixture.bundle("third")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["previous"], Value::Null, "the way back is written over");
    let ended = owned.restart()?;
    assert_eq!(short(&ended), ("0.1.2", "A", "idle"), "{ended}");
    assert_eq!(ended["previous"], "0.1.1", "{ended}");
    Ok(())
}

/// The owner goes back to the version before, and what was left does not come by itself; a way back that is gone is said.
#[tokio::test]
#[ignore = "crash_replay goes back as well: scripts/test full"]
async fn an_owner_goes_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = Shop::open(&fixture)?;
    let mut owned = customer(&fixture, &shop)?;
    shop.publish(&fixture.bundle("next")?, 30)?;
    owned.install(&json!({}))?;
    owned.restart()?;
    let back = owned.roll_back()?;
    assert_eq!(short(&back), ("0.1.0", "A", "idle"), "{back}");
    assert_eq!((&back["last"]["stayed"], &back["previous"]), (&json!(true), &json!("0.1.1")), "{back}");
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert_eq!((&status["next_slot"], &status["state"]), (&json!("A"), &json!("committed")), "{status}");
    let asked = owned.script.expect(200, "POST", "/updates/check", None)?;
    assert_eq!(asked["available"]["tried_before"], true, "{asked}");

    owned.while_off(|disk| disk.write_all_at(&[0; 4096], layout::boot(Slot::B).start))?;
    owned.until_settled("A")?;
    let refused = owned.script.ask("POST", "/updates/rollback", None)?;
    assert_eq!(refused.status, 500, "{}", refused.text);
    assert!(refused.text.contains("would not have started"), "{}", refused.text);
    Ok(())
}

/// Whoever looks on is told how far it is, by HTTPS and on the bus, while the device's own command line fetches it.
#[tokio::test]
#[ignore = "the pulled update is of the same kind: scripts/test full"]
async fn whoever_looks_on_is_told_how_far_it_is() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = Shop::open(&fixture)?;
    let mut owned = customer(&fixture, &shop)?;
    shop.publish(&fixture.bundle("next")?, 30)?;
    let events = owned.device.folder().join("events");
    let mut page = owned.script.follow("/updates/events", &events)?;
    let bus = owned.device.bus().await?;
    let (mut changes, mut signals) = (bus.changes().await?, 0);
    let counted = async {
        while changes.next().await.is_some() {
            signals += 1;
        }
    };
    tokio::select! {
        status = bus.shell("tayberryctl update install", UPDATE) => assert_eq!(status?, 0),
        () = counted => panic!("the bus is gone"),
    }
    assert!(signals > 2, "{signals} signals");
    let now = owned.updates()?.unwrap_or_default();
    assert_eq!(short(&now), ("0.1.0", "A", "staged"), "{now}");
    let seen = until("the page hears of the end", UPDATE, || {
        let seen = std::fs::read_to_string(&events)?;
        Ok(seen.contains("\"staged\"").then_some(seen))
    })?;
    page.kill().and_then(|()| page.wait())?;
    for part in ["event: updates", "\"writing\"", "\"total\":", "\"per_second\":"] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert_eq!(bus.shell("tayberryctl update cancel", UPDATE).await?, 0);
    let now = owned.updates()?.unwrap_or_default();
    assert_eq!(short(&now), ("0.1.0", "A", "idle"), "{now}");
    Ok(())
}

/// A device whose owner lets it: it asks, fetches and restarts by itself.
#[tokio::test]
#[ignore = "the steps run always, by the owner's hand: scripts/test full"]
async fn a_device_that_may_updates_itself() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = Shop::open(&fixture)?;
    let mut owned = customer(&fixture, &shop)?;
    shop.publish(&fixture.bundle("next")?, 30)?;
    let whole_day = json!({ "automatic_updates": true, "update_window": { "from": 0, "to": 0 } });
    owned.script.expect(200, "PATCH", "/settings", Some(&whole_day))?;
    let ended = owned.until_settled("B")?;
    assert_eq!((short(&ended).0, &ended["last"]["stayed"]), ("0.1.1", &json!(true)), "{ended}");
    Ok(())
}

/// Whatever a server does, the running system is not touched, and what passes is waited for.
#[tokio::test]
#[ignore = "the client is tested by itself: scripts/test full"]
async fn servers_that_misbehave_do_no_harm() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let shop = Shop::open(&fixture)?;
    // Not a saved one: its clock, which stood still, would take an expired signature for a good one.
    let owned = Owned::switched_on(&fixture, Medium::Nvme, |spec| spec.outside = Some(shop.port))?;
    let mut owned = knows(owned, &shop)?;
    let said = |owned: &mut Owned, part: &str| -> Result<(), JourneyError> {
        let answer = owned.script.ask("POST", "/updates/check", None)?;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(part), "{}", answer.text);
        Ok(())
    };
    said(&mut owned, "does not exist")?;

    // Believed once, then old: signatures that were good do not come back.
    shop.publish(&fixture.bundle("next")?, 30)?;
    let old = shop.copy("old")?;
    shop.publish(&fixture.bundle("third")?, 30)?;
    let asked = owned.script.expect(200, "POST", "/updates/check", None)?;
    assert_eq!(asked["available"]["version"], "0.1.2", "{asked}");
    shop.serve(Some(&old));
    said(&mut owned, "version")?;
    shop.serve(None);

    // Chunks of another version, at the places of this one.
    shop.serve_packs(Some(shop.pack("0.1.1")));
    let ended = owned.install(&json!({}))?;
    assert_eq!(short(&ended), ("0.1.0", "A", "idle"), "{ended}");
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("Stayed on 0.1.0. The update could not be fetched"), "{sentence}");

    // It passes: the install goes on by itself. Four parts are fetched at a time: with one that comes, bytes would still move.
    shop.serve_packs(None);
    shop.behave(&[
        Manner::Stalls,
        Manner::Stalls,
        Manner::Stalls,
        Manner::Stalls,
        Manner::Truncates,
        Manner::Lies,
    ]);
    owned.script.expect(200, "POST", "/updates/install", Some(&json!({})))?;
    until("a stall that is called a stall", UPDATE, || {
        let now = owned.updates()?.unwrap_or_default();
        Ok((now["progress"]["stalled"] == true).then_some(()))
    })?;
    let busy = owned.script.ask("POST", "/updates/install", Some(&json!({})))?;
    assert_eq!(busy.status, 409, "{}", busy.text);
    until("the end of the install", UPDATE, || {
        let now = owned.updates()?.unwrap_or_default();
        Ok((now["phase"] == "staged").then_some(()))
    })?;
    assert_eq!(shop.bad_answers(), 0, "all of them were met");
    owned.script.expect(200, "DELETE", "/updates", None)?;

    // Expired: refused when it is fetched.
    shop.publish(&fixture.bundle("third")?, 0)?;
    said(&mut owned, "expired")?;
    Ok(())
}
