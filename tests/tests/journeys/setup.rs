//! A person takes a new device: the code on its screen, the certificate of its own authority, the setup; and nobody else
//! can. Driven over HTTPS with curl.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::device::{BOOT, Device, free_port};
use system_tests::web::{Client, OWNER, PASSWORD, answers, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::{Medium, locate};
use tayberry_format::layout;

const SHORT: Duration = Duration::from_secs(120);

/// A device with its web port on this machine.
fn start(fixture: &Fixture) -> Result<(Device, u16), JourneyError> {
    let port = free_port()?;
    Ok((Device::new_one(fixture, port, 8443)?, port))
}

fn kind(body: &Value) -> &str {
    body["kind"].as_str().unwrap_or_default()
}

/// What `CLAIM.txt` says on the disk.
fn claim_file(device: &Device) -> Result<String, JourneyError> {
    use std::os::unix::fs::FileExt;
    let disk = std::fs::File::open(device.disk(0))?;
    let place = locate(&disk, layout::CONFIG.number, "CLAIM.txt")
        .map_err(|error| JourneyError::Failed(error.to_string()))?;
    let mut bytes = [0; 4096];
    disk.read_exact_at(&mut bytes, place.extents[0].offset)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
#[ignore = "the same in a browser runs always: scripts/test full"]
async fn a_person_takes_a_new_device_and_nobody_else_can() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (device, port) = start(&fixture)?;
    let code = device.claim_code()?;
    let mut owner = Client::new(&device, port, "tayberry.local")?;
    let overview = owner.expect(200, "GET", "/overview", None)?;
    assert_eq!((&overview["phase"], &overview["name"]), (&json!("unclaimed"), &json!("tayberry")));
    let fingerprint = overview["authority_fingerprint"].as_str().unwrap_or_default().to_owned();
    assert!(device.console().contains(&fingerprint[..47]), "the screen shows the fingerprint to compare");
    until("CLAIM.txt", SHORT, || Ok(claim_file(&device)?.contains(&code).then_some(())))?;

    // Another name is another device: curl refuses.
    let stranger = Client::new(&device, port, "other.local")?;
    assert_eq!(stranger.curl(&["--cacert", "authority.pem"], "/api/v1/overview")?.status, 0);
    // Nothing is told to who is not signed in.
    assert_eq!(kind(&owner.ask("GET", "/status", None)?.body), "sign-in-first");
    assert_eq!(
        kind(&owner.ask("POST", "/setup/finish", Some(&answers(&Value::Null, "x")))?.body),
        "sign-in-first"
    );

    claims_slowly(&mut owner, &code)?;
    let finished = sets_up(&mut owner)?;
    assert_eq!(finished["address"], "https://kitchen.local");
    assert!(finished["qr_svg"].as_str().is_some_and(|svg| svg.contains("<svg")));
    // Unless the device has its new name already.
    let asked = owner.ask("GET", "/session", None)?;
    assert!(asked.status == 200 || asked.text.contains("subject name"), "{}", asked.text);

    // The certificate follows the new name, under the same authority.
    let mut renamed = owner.renamed("kitchen.local");
    until("a certificate of the new name", SHORT, || {
        Ok((renamed.ask("GET", "/overview", None)?.status == 200).then_some(()))
    })?;

    // The code is gone, everywhere.
    let again = renamed.another("again").ask("POST", "/claim", Some(&json!({ "code": code })))?;
    assert_eq!((again.status, kind(&again.body)), (409, "already-owned"));
    until("CLAIM.txt without the code", SHORT, || Ok((!claim_file(&device)?.contains(&code)).then_some(())))?;

    let status = owner.another("nobody").curl(&["--insecure"], "/api/v1/status")?;
    assert_eq!(status.status, 401);
    let mut signed_in = renamed.another("second");
    signed_in.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    let status = signed_in.expect(200, "GET", "/status", None)?;
    assert_eq!((&status["slot"], &status["name"]), (&json!("A"), &json!("kitchen")));
    assert_eq!(status["last_event"]["kind"], "signed-in");

    let bus = device.bus().await?;
    bus.wait_active("multi-user.target", BOOT).await?;
    assert_eq!(bus.failed_units().await?, Vec::<String>::new());
    let exposure = "systemd-analyze security --no-pager --threshold=19 tayberry-front.service > /dev/ttyAMA0";
    assert_eq!(bus.shell(exposure, SHORT).await?, 0, "{}", device.console_end());
    Ok(())
}

/// Wrong codes: refused, then slowed, and the wait ends by itself.
fn claims_slowly(owner: &mut Client, code: &str) -> Result<(), JourneyError> {
    let wrong = if code.starts_with('1') { "0000 0000" } else { "1111 1111" };
    for _ in 0..3 {
        let answer = owner.ask("POST", "/claim", Some(&json!({ "code": wrong })))?;
        assert_eq!((answer.status, kind(&answer.body)), (403, "wrong-code"));
    }
    let slowed = until("slowing down", SHORT, || {
        let answer = owner.ask("POST", "/claim", Some(&json!({ "code": wrong })))?;
        Ok((answer.status == 429).then_some(answer.body))
    })?;
    assert!(slowed["retry_after_s"].as_u64().is_some_and(|wait| wait >= 1), "{slowed}");
    until("the end of the wait", SHORT, || {
        Ok((owner.ask("POST", "/claim", Some(&json!({ "code": code })))?.status == 200).then_some(()))
    })?;
    Ok(())
}

/// The setup itself, with every wrong answer on the way.
fn sets_up(owner: &mut Client) -> Result<Value, JourneyError> {
    // A session of the setup can do the setup and nothing else, and only from our own page.
    assert_eq!(kind(&owner.ask("GET", "/status", None)?.body), "forbidden");
    let mut forged = owner.clone();
    forged.forget_csrf();
    assert_eq!(kind(&forged.ask("POST", "/setup/recovery-codes", None)?.body), "forbidden");
    let judged = owner.expect(200, "POST", "/password/judge", Some(&json!({ "password": "password" })))?;
    assert_eq!(judged["weakness"], "well-known");
    let codes = owner.expect(200, "POST", "/setup/recovery-codes", None)?;
    for (key, value, problem) in [
        ("recovery_characters", json!("???"), "recovery-not-kept"),
        ("password", json!("password"), "weak-password"),
        ("timezone", json!("Mars/Phobos"), "not-allowed"),
        ("name", json!("Not a name"), "not-allowed"),
    ] {
        let mut bad = answers(&codes, "kitchen");
        bad[key] = value;
        assert_eq!(kind(&owner.ask("POST", "/setup/finish", Some(&bad))?.body), problem, "{key}");
    }
    owner.expect(200, "POST", "/setup/finish", Some(&answers(&codes, "kitchen")))
}

#[tokio::test]
#[ignore = "the setup runs always: scripts/test full"]
async fn the_owner_signs_in_recovers_and_gives_tokens_to_scripts() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (device, port) = start(&fixture)?;
    let code = device.claim_code()?;
    let mut owner = Client::new(&device, port, "tayberry.local")?;
    let recovery = owner.set_up(&code, "tayberry")?;

    // Wrong passwords: refused, slowed, and the wait ends.
    let mut guess = owner.another("guess");
    let wrong = json!({ "name": OWNER, "password": "not the password" });
    for _ in 0..3 {
        assert_eq!(kind(&guess.ask("POST", "/session", Some(&wrong))?.body), "wrong-password");
    }
    until("slowing down", SHORT, || {
        Ok((guess.ask("POST", "/session", Some(&wrong))?.status == 429).then_some(()))
    })?;
    let right = json!({ "name": OWNER, "password": PASSWORD });
    until("the end of the wait", SHORT, || {
        Ok((guess.ask("POST", "/session", Some(&right))?.status == 200).then_some(()))
    })?;

    // A token may do what its scopes say, without cookie or header, until it is ended.
    let wish = json!({ "name": "monitor", "scopes": ["status"], "days": 1 });
    let made = owner.expect(201, "POST", "/tokens", Some(&wish))?;
    let mut script = owner.another("script");
    script.token = made["secret"].as_str().map(str::to_owned);
    script.expect(200, "GET", "/status", None)?;
    assert_eq!(
        kind(&script.ask("PATCH", "/settings", Some(&json!({ "channel": "beta" })))?.body),
        "forbidden"
    );
    assert_eq!(kind(&script.ask("GET", "/tokens", None)?.body), "forbidden");
    let id = made["token"]["id"].as_str().unwrap_or_default();
    owner.expect(204, "DELETE", &format!("/tokens/{id}"), None)?;
    assert_eq!(kind(&script.ask("GET", "/status", None)?.body), "sign-in-first");

    // Settings hold, and are rendered.
    let change = json!({ "timezone": "America/New_York" });
    assert_eq!(owner.expect(200, "PATCH", "/settings", Some(&change))?["timezone"], "America/New_York");
    let bus = device.bus().await?;
    let zone = "tries=30; until test \"$(readlink /run/tayberry/etc/localtime)\" = /usr/share/zoneinfo/America/New_York; \
                do tries=$((tries - 1)); [ $tries -gt 0 ] || exit 1; sleep 1; done";
    assert_eq!(bus.shell(zone, SHORT).await?, 0, "the time zone is in force");

    // A lost password: one printed code, once. Every other session ends.
    let new = "Mond-77-Teller-quark";
    let recover = json!({ "code": recovery[0], "password": new });
    let mut lost = owner.another("lost");
    lost.expect(200, "POST", "/recovery", Some(&recover))?;
    assert_eq!(lost.expect(200, "GET", "/session", None)?["name"], OWNER);
    assert_eq!(kind(&owner.ask("GET", "/status", None)?.body), "sign-in-first");
    assert_eq!(kind(&lost.another("twice").ask("POST", "/recovery", Some(&recover))?.body), "wrong-code");
    // A change of the password keeps the session that changes it.
    let change = json!({ "current": new, "new": PASSWORD });
    lost.expect(204, "PUT", "/password", Some(&change))?;
    lost.expect(200, "GET", "/status", None)?;
    lost.expect(204, "DELETE", "/session", None)?;
    assert_eq!(kind(&lost.ask("GET", "/status", None)?.body), "sign-in-first");
    Ok(())
}

/// The power fails after each step of the setup: it begins anew, or is done.
#[tokio::test]
#[ignore = "three starts; an uploaded update cuts the power always: scripts/test full"]
async fn a_power_cut_in_the_setup_leaves_a_device_to_set_up_or_set_up() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (device, port) = start(&fixture)?;
    let code = device.claim_code()?;
    let mut client = Client::new(&device, port, "tayberry.local")?;
    for cut_after in ["claim", "codes", "finish"] {
        client.expect(200, "POST", "/claim", Some(&json!({ "code": code })))?;
        if cut_after != "claim" {
            let codes = client.expect(200, "POST", "/setup/recovery-codes", None)?;
            if cut_after == "finish" {
                client.expect(200, "POST", "/setup/finish", Some(&answers(&codes, "kitchen")))?;
            }
        }
        let ends = device.machine.exits().len();
        device.machine.command(Command::Cut)?;
        device.machine.wait_exits(ends + 1, SHORT)?;
        device.machine.command(Command::PowerOn)?;
        let name = if cut_after == "finish" { "kitchen.local" } else { "tayberry.local" };
        client = client.renamed(name);
        let overview = until("the page", BOOT, || {
            let answer = client.ask("GET", "/overview", None)?;
            Ok((answer.status == 200).then_some(answer.body))
        })?;
        let phase = if cut_after == "finish" { "owned" } else { "unclaimed" };
        assert_eq!(overview["phase"], phase, "after {cut_after}");
        // Whoever was in the middle of it is nobody now.
        assert_eq!(kind(&client.ask("GET", "/session", None)?.body), "sign-in-first");
    }
    client.expect(200, "POST", "/session", Some(&json!({ "name": OWNER, "password": PASSWORD })))?;
    Ok(())
}

/// A board whose clock says 1970: the certificate holds from the first minute, and the browser's time is taken.
#[tokio::test]
#[ignore = "the decision is tested by itself: scripts/test full"]
async fn a_clock_in_the_past_still_ends_in_a_valid_certificate() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let (port, plain) = (free_port()?, free_port()?);
    let device = Device::start(&fixture, &[Medium::Nvme], |spec| {
        spec.forwards.extend([(port, 443), (plain, 80)]);
        spec.clock = Some("1970-01-01".to_owned());
        Ok(())
    })?;
    let code = device.claim_code()?;
    let mut owner = Client::new(&device, port, "tayberry.local")?;
    // Verified by curl against the time of this machine.
    let overview = owner.expect(200, "GET", "/overview", None)?;
    assert_eq!(overview["time_known"], false);
    assert!(owner.certificate_lasts(600)?, "a provisional one lasts two years");
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    owner.expect(200, "POST", "/claim", Some(&json!({ "code": code, "now": now })))?;
    let known = until("the browser's time", SHORT, || {
        let overview = owner.ask("GET", "/overview", None)?.body;
        Ok((overview["time_known"] == true).then_some(overview))
    })?;
    assert!(known["now"].as_u64().is_some_and(|device| device.abs_diff(now) < 300), "{known}");
    // The certificate of now and not of the build: it lasts three months, and no longer two years.
    until(
        "the certificate to be issued again",
        SHORT,
        || Ok((!owner.certificate_lasts(200)?).then_some(())),
    )?;
    assert!(owner.certificate_lasts(80)?);
    owner.expect(200, "GET", "/overview", None)?;

    // The plain port leads to the same place over HTTPS.
    let asked = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"];
    let redirect = std::process::Command::new("curl")
        .args(asked)
        .arg(format!("http://127.0.0.1:{plain}/api/v1/overview?x"))
        .output()?;
    assert_eq!(String::from_utf8_lossy(&redirect.stdout), "307 https://tayberry.local/api/v1/overview?x");
    Ok(())
}
