//! The command line of the workstation sets a new device up without a browser, and asks it afterwards.

use std::path::Path;
use std::time::Duration;

use system_tests::device::{Device as Board, free_port};
use system_tests::web::{Client, OWNER, PASSWORD, until};
use system_tests::{Fixture, JourneyError};
use tayberry::device::session::Credentials;
use tayberry::device::store::Store;
use tayberry::device::{Device, DeviceError, claim, session, show};
use tayberry::ui::{Mode, Ui};

const SHORT: Duration = Duration::from_secs(120);

/// The device as the command line sees it.
fn device(name: &str, port: u16, folder: &Path) -> Result<Device, JourneyError> {
    let host = format!("{name}:{port}").parse();
    Ok(Device {
        host: host.map_err(|_| JourneyError::Failed(format!("{name} is no name")))?,
        address: Some([127, 0, 0, 1].into()),
        store: Store::at(folder),
        ui: Ui::new(Mode::Json),
    })
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: DeviceError) -> JourneyError {
    JourneyError::Failed(error.to_string())
}

#[tokio::test]
#[ignore = "the setup runs always: scripts/test full"]
async fn a_device_is_claimed_and_asked_from_the_command_line() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let port = free_port()?;
    let board = Board::new_one(&fixture, port, 8443)?;
    let code = board.claim_code()?;
    // What the person reads off the screen.
    let overview = Client::new(&board, port, "tayberry.local")?.expect(200, "GET", "/overview", None)?;
    let fingerprint = overview["authority_fingerprint"].as_str().unwrap_or_default();
    let folder = board.folder().join("desk");
    std::fs::create_dir_all(&folder)?;
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD)?;
    let arguments = claim::Arguments {
        code,
        owner: OWNER.to_owned(),
        name: "kitchen".to_owned(),
        timezone: Some("Europe/Berlin".to_owned()),
        password_file: Some(password.clone()),
        recovery_file: Some(folder.join("recovery")),
        fingerprint: fingerprint.parse().ok(),
        ..claim::Arguments::default()
    };
    let claimed = claim::claim(&device("tayberry.local", port, &folder)?, &arguments).map_err(failed)?;
    assert_eq!(claimed.address, "https://kitchen.local");
    assert_eq!(std::fs::read_to_string(folder.join("recovery"))?.lines().count(), 8);

    let kitchen = device("kitchen.local", port, &folder)?;
    let credentials = Credentials { name: Some(OWNER.to_owned()), password_file: Some(password) };
    // The device takes a moment to show a certificate of its new name.
    until("signing in under the new name", SHORT, || Ok(session::sign_in(&kitchen, &credentials).ok()))?;
    assert_eq!(show::status(&kitchen).map_err(failed)?["name"], "kitchen");
    let change = show::Change { channel: Some("beta".to_owned()), ..show::Change::default() };
    assert_eq!(show::settings(&kitchen, &change).map_err(failed)?["channel"], "beta");
    session::sign_out(&kitchen, &credentials).map_err(failed)?;
    assert!(matches!(show::status(&kitchen), Err(DeviceError::NotSignedIn(_))));
    Ok(())
}
