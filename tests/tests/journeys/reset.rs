//! A factory reset: by the button and by nobody else's word, ended after a power cut, and the device is as new.

use std::time::Duration;

use serde_json::json;
use system_tests::device::{BOOT, Device};
use system_tests::update::Owned;
use system_tests::web::{Client, PASSWORD, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry::emulate::gpio_port::Gpio;
use tayberry_guest::protocol::PORT;

/// The button's line: pin 29.
const BUTTON: u32 = 5;
/// How long a person waits for the screen.
const SCREEN: Duration = Duration::from_secs(90);

/// What the console says behind its first `from` characters, once it says `wanted`; returns how long it is then.
fn says(device: &Device, from: usize, wanted: &str) -> Result<usize, JourneyError> {
    let said = until(wanted, SCREEN, || {
        let console = device.console();
        Ok(console.get(from..).is_some_and(|news| news.contains(wanted)).then_some(console.len()))
    });
    said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", device.console_end())))
}

/// Presses the button again and again, as people do who do not know whether it was seen, until the console says `wanted`.
fn presses_until(device: &Device, gpio: &mut Gpio, from: usize, wanted: &str) -> Result<usize, JourneyError> {
    let mut is_down = false;
    let said = until(wanted, SCREEN, || {
        let console = device.console();
        if console.get(from..).is_some_and(|news| news.contains(wanted)) {
            return Ok(Some(console.len()));
        }
        is_down = !is_down;
        if is_down {
            gpio.press(BUTTON)?;
        } else {
            gpio.release(BUTTON)?;
        }
        Ok(None)
    });
    said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", device.console_end())))
}

/// Neither a token nor a wrong password resets it, nor a button that hangs; held, let go and pressed once more, it does. The plug is
/// pulled meanwhile, and yet it is clean: a new code, a new authority, no owner.
#[tokio::test]
async fn the_button_makes_the_device_new() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let before = owned.script.expect(200, "GET", "/overview", None)?;
    let wish = |password: &str| json!({ "name": "attic", "password": password });
    assert_eq!(
        owned.script.ask("POST", "/factory-reset", Some(&wish(PASSWORD)))?.status,
        403,
        "a token may not"
    );
    let mut owner = owned.script.another("owner");
    owner.token = None;
    owner.expect(
        200,
        "POST",
        "/session",
        Some(&json!({ "name": system_tests::web::OWNER, "password": PASSWORD })),
    )?;
    assert_eq!(owner.ask("POST", "/factory-reset", Some(&wish("another one")))?.status, 401);
    let other = json!({ "name": "kitchen", "password": PASSWORD });
    assert_eq!(owner.ask("POST", "/factory-reset", Some(&other))?.status, 422);

    let mut gpio = Gpio::connect(&owned.device.machine.port(PORT))?;
    let mut from = owned.device.console().len();
    from = presses_until(&owned.device, &mut gpio, from, "attic.local has an owner")?;
    gpio.release(BUTTON)?;
    // It hangs.
    gpio.press(BUTTON)?;
    from = says(&owned.device, from, "Factory reset armed")?;
    from = says(&owned.device, from, "was called off")?;
    gpio.release(BUTTON)?;
    assert_eq!(owned.script.expect(200, "GET", "/overview", None)?["phase"], "owned");

    gpio.press(BUTTON)?;
    from = says(&owned.device, from, "Factory reset armed")?;
    gpio.release(BUTTON)?;
    from = presses_until(&owned.device, &mut gpio, from, "is destroyed now")?;
    drop(gpio);
    let from = says(&owned.device, from, "tayberry-init: factory reset: everything")?;
    // In the middle of it.
    owned.off()?;
    owned.device.machine.command(Command::PowerOn)?;
    let device = &owned.device;
    let code = until("a new claim code", BOOT, || {
        let console = device.console();
        let news = console.get(from..).unwrap_or_default();
        Ok(news.contains("Claim code ").then_some(()))
    });
    code.map_err(|error| JourneyError::Failed(format!("{error}\n{}", device.console_end())))?;
    // Its name stands in the file on the card, which is no data of its owner's.
    let mut new = Client::new(device, owned.port, "attic.local")?;
    let after = new.expect(200, "GET", "/overview", None)?;
    assert_eq!((&after["phase"], &after["name"]), (&json!("unclaimed"), &json!("attic")), "{after}");
    assert_ne!(after["authority_fingerprint"], before["authority_fingerprint"]);
    assert_eq!(after["version"], before["version"], "the system stays");
    Ok(())
}
