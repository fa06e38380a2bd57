//! The stack of the system: after the setup there is a real application on a real database, and nothing that it acknowledged is lost.

use serde_json::json;
use system_tests::authority::{Authority, Opened};
use system_tests::browser;
use system_tests::bus::Bus;
use system_tests::console::{ALL, SERVICES, Serving, Visitor, Writer};
use system_tests::datagrams;
use system_tests::web::{OWNER, PASSWORD, until};
use system_tests::zone::Zone;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::Medium;

fn kind(body: &serde_json::Value) -> &str {
    body["kind"].as_str().unwrap_or_default()
}

/// The plain port leads to the same place over HTTPS.
fn redirects(port: u16) -> Result<(), JourneyError> {
    let mut curl = std::process::Command::new("curl");
    curl.args([
        "--silent",
        "--include",
        "--max-time",
        "90",
        "--resolve",
        &format!("attic.local:{port}:127.0.0.1"),
    ]);
    let answer = curl.arg(format!("http://attic.local:{port}/x")).output()?.stdout;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.contains("location: https://attic.local/x"), "{answer}");
    Ok(())
}

/// What the gateway offers, and what it keeps back.
fn look_around(serving: &mut Serving) -> Result<(), JourneyError> {
    let client = serving.owned.script.at(serving.port);
    let page = client.curl(&["--cacert", "authority.pem", "--include"], "/")?;
    let (status, text) = (page.status, page.text.to_lowercase());
    assert!(status == 200 && text.contains("<div id=\"root\">"), "{status} {text}");
    for part in [
        "http/2 200",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'",
        "h3=\":443\"",
        "cache-control: no-cache",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A file whose name holds the hash of what is in it is kept for a year; what can be compressed is.
    let asset = text.split_once("src=\"").and_then(|(_, rest)| rest.split_once('"'));
    let asset = asset.map(|(asset, _)| asset.to_owned()).unwrap_or_default();
    let packed = ["--cacert", "authority.pem", "--head", "--header", "Accept-Encoding: zstd"];
    let head = client.curl(&packed, &asset)?.text.to_lowercase();
    for part in ["http/2 200", "content-encoding: zstd", "immutable"] {
        assert!(head.contains(part), "{asset} {part}: {head}");
    }
    let long = format!("X-Long: {}", "a".repeat(40_000));
    let refused = client.curl(&["--cacert", "authority.pem", "--http1.1", "--header", &long], "/")?.status;
    assert_eq!(refused, 431, "a header of 40 KB");
    redirects(serving.past[0])?;
    let nobody = &mut Visitor::new(client, "nobody");
    nobody.expect(200, "GET", "/api/health", None)?;
    assert_eq!(nobody.expect(200, "GET", "/system/api/v1/overview", None)?["name"], "attic");
    assert_eq!(kind(&nobody.ask("GET", "/api/users", None)?.body), "sign-in-first");
    assert_eq!(
        kind(&nobody.ask("POST", "/api/session", Some(&json!({ "token": "a.b.c" })))?.body),
        "sign-in-first"
    );
    Ok(())
}

/// The owner signs in with the device's word, and makes a user who can do less.
fn people(serving: &mut Serving) -> Result<(), JourneyError> {
    let owner = &mut serving.owner;
    owner.sign_in_as_owner()?;
    let mut user = Visitor::new(serving.owned.script.at(serving.port), "user");
    let wish = json!({ "name": "Grete", "password": "lang-genug-77", "role": "viewer" });
    owner.expect(201, "POST", "/api/users", Some(&wish))?;
    assert_eq!(kind(&owner.ask("POST", "/api/users", Some(&wish))?.body), "conflict");
    let wrong = json!({ "name": "Grete", "password": "falsch-falsch" });
    assert_eq!(kind(&user.ask("POST", "/api/session", Some(&wrong))?.body), "wrong-password");
    let right = json!({ "name": "grete", "password": "lang-genug-77" });
    user.expect(200, "POST", "/api/session", Some(&right))?;
    assert_eq!(kind(&user.ask("POST", "/api/users", Some(&wish))?.body), "forbidden");
    assert_eq!(
        user.ask("GET", "/system/api/v1/status", None)?.status,
        401,
        "a user has no right over the device"
    );
    let log = user.expect(200, "GET", "/api/audit", None)?;
    let actions: Vec<_> = log.as_array().into_iter().flatten().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["signed-in", "user-added", "signed-in"], "{log}");
    assert_eq!(owner.expect(200, "POST", "/api/audit/verify", None)?["first_wrong"], json!(null));
    // Not even the owner changes the device from here: an application could do it in the owner's name.
    let answer = owner.ask("DELETE", "/system/api/v1/stack", None)?;
    assert_eq!((answer.status, kind(&answer.body)), (403, "forbidden"));
    // Who is removed is out, at once.
    owner.expect(204, "DELETE", "/api/users/grete", None)?;
    assert_eq!(kind(&user.ask("GET", "/api/audit", None)?.body), "sign-in-first");
    Ok(())
}

/// A domain of the owner's is proved through the gateway, which shows its certificate from then on, beside its own.
fn domain(serving: &mut Serving, opened: &Opened) -> Result<(), JourneyError> {
    const NAME: &str = "shop.example.org";
    let port = serving.port;
    opened.authority.looks_at(serving.past[0]);
    assert!(!opened.authority.is_believed(NAME, port)?);
    let wish = json!({
        "name": NAME, "proof": "http", "terms_agreed": true, "directory": Authority::directory(), "trust": opened.trust,
    });
    serving.owned.script.expect(202, "PUT", "/domain", Some(&wish))?;
    let shown = until("the domain at the gateway", SERVICES, || {
        Ok(opened.authority.is_believed(NAME, port)?.then_some(()))
    });
    shown
        .map_err(|error| JourneyError::Failed(format!("{error}\n{}", serving.owned.device.console_end())))?;
    assert_eq!(serving.owned.script.at(port).curl(&["--cacert", "authority.pem"], "/")?.status, 200);
    Ok(())
}

/// Nobody set anything up, there is no network but this machine's, and yet: HTTPS, an application, databases.
#[tokio::test]
async fn after_the_setup_the_console_answers() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start_with(&fixture, Medium::Nvme, &[80, datagrams::RELAY], |_| ())?;
    look_around(&mut serving)?;
    people(&mut serving)?;
    let port = serving.port.to_string();
    browser::run(&fixture, &serving.owned.script, "console.mjs", &[&port], "console")?;
    let bus = serving.owned.device.bus().await?;
    assert_eq!(bus.shell("systemctl start tayberry-emulator-datagrams", SERVICES).await?, 0);
    datagrams::open(serving.port, serving.past[1])?;
    browser::run(&fixture, &serving.owned.script, "http3.mjs", &[&port], "console")?;
    power_cut(&mut serving)
}

/// The gateway shows the certificate of the owner's domain; its services come back when they are killed.
#[tokio::test]
#[ignore = "long: each service starts again; the domain has a journey of its own: scripts/test full"]
async fn a_domain_at_the_gateway_whose_services_are_killed() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let opened = Authority::open(Zone::new("nobody", &[0; 32])?)?;
    let mut serving =
        Serving::start_with(&fixture, Medium::Nvme, &[80], |spec| spec.outside = Some(opened.port))?;
    serving.owner.sign_in_as_owner()?;
    domain(&mut serving, &opened)?;
    kills(&mut serving).await
}

/// Each service is killed while somebody writes, and comes back by itself.
async fn kills(serving: &mut Serving) -> Result<(), JourneyError> {
    let writer = Writer::begin(serving.owner.clone());
    let bus = serving.owned.device.bus().await?;
    for service in ALL {
        writer.until_more(3)?;
        let kill = format!("kill -KILL $(podman inspect -f '{{{{.State.Pid}}}}' stack-{service})");
        assert_eq!(bus.shell(&kill, SERVICES).await?, 0, "{service}");
        until("its restart", SERVICES, || {
            let now = serving.owned.script.expect(200, "GET", "/stack", None)?;
            let services = now["services"].as_array().cloned().unwrap_or_default();
            let mut restarted = services.iter().filter(|one| one["name"] == service && one["restarts"] != 0);
            Ok(restarted.next().map(|_| ()))
        })?;
        serving.until_healthy()?;
    }
    writer.until_more(3)?;
    nothing_is_lost(serving, 0, writer.end()?)
}

/// What was acknowledged since there were `before` is there, and nobody changed the log of who did what.
fn nothing_is_lost(serving: &mut Serving, before: u64, acknowledged: u64) -> Result<(), JourneyError> {
    let count = serving.owner.count()? - before;
    assert!(count >= acknowledged, "{acknowledged} were acknowledged, {count} are there");
    assert_eq!(serving.owner.expect(200, "POST", "/api/audit/verify", None)?["first_wrong"], json!(null));
    Ok(())
}

/// The plug is pulled while somebody writes: every service starts again by itself, and what was acknowledged is there.
fn power_cut(serving: &mut Serving) -> Result<(), JourneyError> {
    let before = serving.owner.count()?;
    let writer = Writer::begin(serving.owner.clone());
    writer.until_more(20)?;
    serving.owned.off()?;
    let acknowledged = writer.end()?;
    serving.owned.device.machine.command(Command::PowerOn)?;
    serving.owned.until_answers()?;
    serving.until_healthy()?;
    nothing_is_lost(serving, before, acknowledged)
}

/// A database hangs: who asks is told what is away, and that it is worth to come again; then it goes on as before.
async fn says_what_is_away(
    serving: &mut Serving,
    bus: &Bus,
    service: &str,
    path: &str,
) -> Result<(), JourneyError> {
    let freeze =
        |yes: u8| format!("echo {yes} >/sys/fs/cgroup/services.slice/stack-{service}.service/cgroup.freeze");
    assert_eq!(bus.shell(&freeze(1), SERVICES).await?, 0);
    let answer = serving.owner.ask("GET", path, None)?;
    assert_eq!((answer.status, kind(&answer.body)), (503, "away"), "{service}: {}", answer.text);
    assert_eq!(serving.owner.ask("GET", "/api/ready", None)?.status, 503, "{service}");
    assert_eq!(bus.shell(&freeze(0), SERVICES).await?, 0);
    until("its answers", SERVICES, || Ok((serving.owner.ask("GET", path, None)?.status == 200).then_some(())))
}

/// Somebody fills the disk to the last byte: the device still lets its owner in, says what can go, and all goes on once it is gone.
/// Nothing that was acknowledged is lost by that, nor by restarts of the databases, nor by new passwords.
#[tokio::test]
#[ignore = "long: a disk is filled, and each database restarts under load"]
async fn a_full_disk_and_restarts_lose_nothing() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Usb)?;
    serving.owner.sign_in_as_owner()?;
    let writer = Writer::begin(serving.owner.clone());
    let mut sessions = Vec::new();
    for service in ["redis", "mongo"] {
        writer.until_more(3)?;
        let mut person = Visitor::new(serving.owned.script.at(serving.port), service);
        person.sign_in_as_owner()?;
        sessions.push(person);
        serving.owned.script.expect(200, "POST", "/stack/restart", Some(&json!({ "service": service })))?;
        serving.until_healthy()?;
        for person in &mut sessions {
            person.expect(200, "GET", "/api/session", None)?;
        }
    }
    serving.owned.script.expect(200, "POST", "/stack/secrets/renew", Some(&json!({})))?;
    serving.until_healthy()?;
    writer.until_more(3)?;

    let bus = serving.owned.device.bus().await?;
    for (service, path) in [("mongo", "/api/users"), ("redis", "/api/session")] {
        says_what_is_away(&mut serving, &bus, service, path).await?;
    }
    // As a service that is not there any more would have: by a user who has no share of the reserve.
    let fill = "mkdir -p /var/stack/old/files && chown 65534 /var/stack/old/files && cd /var/stack/old/files && \
                { set -- $(df --output=avail -B1 /var/stack); \
                setpriv --reuid 65534 --clear-groups fallocate -l $(($2 - 8000000)) most; \
                ! setpriv --reuid 65534 --clear-groups dd if=/dev/zero of=rest bs=64K; }";
    assert_eq!(bus.shell(fill, SERVICES).await?, 0);
    let mut owner = Visitor::new(serving.owned.script.at(serving.port), "full");
    let full = serving.owned.script.expect(200, "GET", "/stack/data", None)?;
    assert!(full["free_bytes"].as_u64() < Some(1 << 20), "{full}");
    let largest = &full["volumes"][0];
    assert_eq!((&largest["service"], &largest["declared"]), (&json!("old"), &json!(false)), "{full}");
    let credentials = json!({ "name": OWNER, "password": PASSWORD });
    owner.expect(200, "POST", "/system/api/v1/session", Some(&credentials))?;
    let gone = json!({ "service": "old", "volume": "files" });
    let after = serving.owned.script.expect(200, "POST", "/stack/data/remove", Some(&gone))?;
    assert!(after["free_bytes"].as_u64() > Some(8_000_000), "{after}");

    serving.until_healthy()?;
    writer.until_more(3)?;
    nothing_is_lost(&mut serving, 0, writer.end()?)
}

/// The whole system is replaced under the application: it comes back as it was, before the update may stay.
#[tokio::test]
#[ignore = "long: five services start twice"]
async fn an_update_brings_the_console_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let dashboard = json!({ "title": "before", "tiles": ["updates"] });
    serving.owner.expect(201, "POST", "/api/dashboards", Some(&dashboard))?;
    let answer = serving.owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ended = serving.owned.restart()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("B"), &json!(true)), "{ended}");
    // It was judged by what people open, so that answers at once.
    assert_eq!(serving.owner.count()?, 1);
    Ok(())
}
