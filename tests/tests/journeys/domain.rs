//! A domain of the owner's: its certificate from an authority that the test made, proved at port 80 and in the domain's zone. Driven
//! over HTTPS, as a script would.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use system_tests::authority::Authority;
use system_tests::device::free_port;
use system_tests::update::Owned;
use system_tests::web::until;
use system_tests::zone::Zone;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::OUTSIDE;

/// How long something may take on a busy machine without hardware virtualisation.
const LONG: Duration = Duration::from_secs(120);
const NAME: &str = "shop.example.org";
const KEY: &[u8; 32] = b"a key of thirty-two bytes shared";

fn wish(trust: &str, proof: &Value) -> Value {
    json!({
        "name": NAME, "proof": proof, "terms_agreed": true, "email": "ada@example.org",
        "directory": Authority::directory(), "trust": trust,
    })
}

fn in_zone(secret: &[u8]) -> Value {
    let secret = STANDARD.encode(secret);
    json!({ "dns": { "server": OUTSIDE, "zone": "example.org", "key": "home", "secret": secret, "wait_s": 0 } })
}

/// The domain, once nobody is asked for a certificate.
fn settled(owned: &mut Owned) -> Result<Value, JourneyError> {
    until("the authority's answer", LONG, || {
        let now = owned.script.expect(200, "GET", "/domain", None)?;
        let is_due = now["problem"].is_null() && now["certificate"].is_null() && !now["wish"].is_null();
        Ok((now["busy"] == false && !is_due).then_some(now))
    })
}

/// A name that the device is not given leads nowhere; a proof is believed once it is right, in either way; the zone is as it was; another
/// name's certificate is not shown any more.
#[tokio::test]
async fn a_domain_gets_a_certificate_that_everybody_believes() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (http, zone) = (free_port()?, Zone::new("home", KEY)?);
    let opened = Authority::open(zone.clone())?;
    opened.authority.looks_at(http);
    let mut owned = Owned::start_with(&fixture, |spec| {
        spec.outside = Some(opened.port);
        spec.forwards.push((http, 80));
    })?;
    let believed = |port| opened.authority.is_believed(NAME, port);

    let refused = owned.script.ask(
        "PUT",
        "/domain",
        Some(&json!({ "name": "kitchen.local", "proof": "http", "terms_agreed": true })),
    )?;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let mut no_terms = wish(&opened.trust, &json!("http"));
    no_terms["terms_agreed"] = false.into();
    assert_eq!(owned.script.ask("PUT", "/domain", Some(&no_terms))?.status, 422);
    assert_eq!(owned.script.expect(200, "GET", "/domain", None)?, json!({ "busy": false }));

    // In the zone, with a key that is not the zone's.
    owned.script.expect(202, "PUT", "/domain", Some(&wish(&opened.trust, &in_zone(&[9; 32]))))?;
    let failed = settled(&mut owned)?;
    assert!(failed["problem"].to_string().contains("refuses to change example.org"), "{failed}");
    assert!(failed["next_try"].is_i64() && failed["certificate"].is_null(), "{failed}");
    assert!(!failed.to_string().contains("secret"), "a key is never told: {failed}");
    assert!(zone.seen().is_empty() && !believed(owned.port)?);

    // With the right one.
    owned.script.expect(202, "PUT", "/domain", Some(&wish(&opened.trust, &in_zone(KEY))))?;
    let held = settled(&mut owned)?;
    assert_eq!((&held["problem"], &held["certificate"]["name"]), (&Value::Null, &json!(NAME)), "{held}");
    assert_eq!((zone.seen().len(), zone.texts(&format!("_acme-challenge.{NAME}"))), (1, Vec::new()));
    until("the front shows it", LONG, || Ok(believed(owned.port)?.then_some(())))?;
    let overview = owned.script.expect(200, "GET", "/overview", None)?;
    assert_eq!(overview["domain"], NAME, "its own name is answered as before");

    // At port 80; the certificate that is held stays until then.
    let orders = opened.authority.orders();
    owned.script.expect(202, "PUT", "/domain", Some(&wish(&opened.trust, &json!("http"))))?;
    until("another certificate", LONG, || {
        let now = owned.script.expect(200, "GET", "/domain", None)?;
        assert_eq!(now["certificate"]["name"], NAME, "{now}");
        Ok((now["busy"] == false && opened.authority.orders() > orders).then_some(()))
    })?;
    let held = settled(&mut owned)?;
    assert_eq!(held["problem"], Value::Null, "{held}");
    assert_eq!(zone.seen().len(), 1, "this one was proved at port 80");

    // It is kept, and known after a restart of the agent.
    let bus = owned.device.bus().await?;
    assert_eq!(bus.shell("systemctl restart tayberryd", LONG).await?, 0);
    until("the certificate after a restart", LONG, || {
        let now = owned.script.ask("GET", "/domain", None)?;
        Ok((now.body["certificate"]["name"] == NAME).then_some(()))
    })?;
    assert_eq!(opened.authority.orders(), orders + 1, "and not asked for again");

    let gone = owned.script.expect(200, "DELETE", "/domain", None)?;
    assert_eq!(gone, json!({ "busy": false }));
    until("the front shows it no more", LONG, || Ok((!believed(owned.port)?).then_some(())))?;
    Ok(())
}
