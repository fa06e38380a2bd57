//! Whatever a stranger or a script sends, the front answers as its document says, and never with an error of its own
//! (schemathesis).

use std::process::Command;

use serde_json::json;
use system_tests::device::{BOOT, Device, free_port};
use system_tests::web::{Client, until};
use system_tests::{Fixture, JourneyError};

/// Where `scripts/test` installs schemathesis.
const PROGRAM: &str = "target/python/bin/schemathesis";
/// What would end the session or the network that the test itself uses, the streams that never end, and what waits for a
/// repository that cannot be reached.
const LEFT_OUT: [&str; 5] =
    ["/session", "/network/wifi", "/status/events", "/updates/events", "/updates/check"];

#[tokio::test]
#[ignore = "hundreds of requests; the parsers are tested by themselves: scripts/test full"]
async fn no_request_makes_the_front_fail() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let port = free_port()?;
    let device = Device::new_one(&fixture, port, 8443)?;
    let code = device.claim_code()?;
    let mut owner = Client::new(&device, port, "tayberry.local")?;
    // Before there is an owner, as a stranger; then with everything that a script may have.
    run(&fixture, port, None)?;
    // The stranger's wrong codes have slowed everybody at this address down; the wait ends by itself.
    until("the end of the wait", BOOT, || {
        Ok((owner.ask("POST", "/claim", Some(&json!({ "code": code })))?.status == 200).then_some(()))
    })?;
    owner.set_up(&code, "tayberry")?;
    let wish = json!({ "name": "schemathesis", "scopes": ["status", "settings", "network", "updates"] });
    let made = owner.expect(201, "POST", "/tokens", Some(&wish))?;
    run(&fixture, port, made["secret"].as_str())?;
    // It may have another name by now, so the certificate is not looked at.
    let left = owner.curl(&["--insecure"], "/api/v1/overview")?;
    assert_eq!(left.body["phase"], "owned", "the device still has its owner: {}", left.text);
    Ok(())
}

fn run(fixture: &Fixture, port: u16, token: Option<&str>) -> Result<(), JourneyError> {
    let mut command = Command::new(fixture.paths.project.join(PROGRAM));
    command.current_dir(fixture.paths.project.join("target"));
    command.args(["run", &format!("https://127.0.0.1:{port}/api/v1/openapi.json"), "--tls-verify", "false"]);
    command.args([
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    ]);
    command.args([
        "--phases",
        "coverage,fuzzing",
        "--max-examples",
        "8",
        "--generation-deterministic",
        "--no-color",
    ]);
    command.args(["--request-timeout", "60", "--suppress-health-check", "all", "--warnings", "off"]);
    for path in LEFT_OUT {
        command.args(["--exclude-path", path]);
    }
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(());
    }
    Err(JourneyError::Failed(format!("{words}{}", String::from_utf8_lossy(&output.stderr))))
}
