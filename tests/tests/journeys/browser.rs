//! A person with a phone and no mouse sets a new device up in a browser that trusts its authority and nothing else.

use system_tests::browser;
use system_tests::device::{Device, free_port};
use system_tests::web::Client;
use system_tests::{Fixture, JourneyError};

#[tokio::test]
async fn the_whole_setup_in_a_browser_by_keyboard_alone() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let port = free_port()?;
    let device = Device::new_one(&fixture, port, 8443)?;
    let code = device.claim_code()?;
    let client = Client::new(&device, port, "tayberry.local")?;
    browser::run(&fixture, &client, "journey.mjs", &[&port.to_string(), &code], "setup")
}
