//! A person with a phone and no mouse sets a new device up in a browser that trusts its authority and nothing else.
//! Pictures of every page are kept in `target/journeys/`.

use std::path::Path;
use std::process::Command;

use system_tests::device::{Device, free_port};
use system_tests::web::Client;
use system_tests::{Fixture, JourneyError};

/// Chromium on Linux trusts what lies in the user's NSS database.
fn trust(home: &Path, authority: &Path) -> Result<(), JourneyError> {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database)?;
    let database = format!("sql:{}", database.display());
    for arguments in [
        vec!["-N", "--empty-password", "-d", &database],
        vec!["-A", "-d", &database, "-t", "C,,", "-n", "tayberry", "-i", &authority.display().to_string()],
    ] {
        let done = Command::new("certutil").args(&arguments).status()?;
        assert!(done.success(), "certutil {arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_whole_setup_in_a_browser_by_keyboard_alone() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let port = free_port()?;
    let device = Device::new_one(&fixture, port, 8443)?;
    let code = device.claim_code()?;
    let client = Client::new(&device, port, "tayberry.local")?;
    let home = fixture.folder()?;
    trust(home.path(), &client.authority())?;
    let shots = fixture.paths.project.join("target/journeys/setup");
    let done = Command::new("node")
        .current_dir(fixture.paths.project.join("stack/web"))
        .args(["tests/journey.mjs", &port.to_string(), &code])
        .env("HOME", home.path())
        .env("SHOTS", &shots)
        .output()?;
    let words = String::from_utf8_lossy(&done.stdout);
    print!("{words}");
    assert!(done.status.success(), "{words}{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
