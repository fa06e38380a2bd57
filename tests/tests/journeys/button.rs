//! A person before the device, with a finger and eyes: the button and the power button show a code, the LED flashes it, it lets its owner
//! in again; what is not confirmed does nothing; one press of the power button switches off. The reset itself is in `reset`.

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::device::BOOT;
use system_tests::update::Owned;
use system_tests::web::{Client, OWNER, PASSWORD, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;
use tayberry::emulate::command::Command;
use tayberry::emulate::gpio_port::Gpio;
use tayberry_guest::protocol::{LED, PORT};

/// The button's line: pin 29.
const BUTTON: u32 = 5;
/// How long a person waits for the screen.
const SCREEN: Duration = Duration::from_secs(90);
/// Longer than between two flashes of a digit, shorter than between two digits, and so for a flash and the light at the code's end.
const LONG: Duration = Duration::from_millis(850);
/// A code takes half a minute at most; once more if the beginning was missed, once more if the machine was busy.
const CODE: Duration = Duration::from_secs(180);

/// The code on the screen behind the first `from` characters, and how long the screen's text is then.
fn code_on_screen(owned: &Owned, from: usize) -> Result<(String, usize), JourneyError> {
    let before = "One-time code ";
    until("a one-time code", SCREEN, || {
        let console = owned.device.console();
        let news = console.get(from..).unwrap_or_default();
        let code = news.find(before).and_then(|at| news.get(at + before.len()..at + before.len() + 6));
        Ok(code.map(|code| (code.to_owned(), console.len())))
    })
}

/// Reads codes off the LED, as a person would, until it is the one on the screen.
fn flashes(gpio: &mut Gpio, wanted: &str) -> Result<(), JourneyError> {
    let end = Instant::now() + CODE;
    let (mut code, mut count, mut dark) = (String::new(), 0, Instant::now());
    while Instant::now() < end {
        gpio.wait_level(LED, true, CODE)?;
        let lit = Instant::now();
        if lit - dark > LONG && count > 0 {
            code.push_str(&(count % 10).to_string());
            count = 0;
        }
        gpio.wait_level(LED, false, CODE)?;
        dark = Instant::now();
        if dark - lit <= LONG {
            count += 1;
            continue;
        }
        if code == wanted {
            return Ok(());
        }
        (code, count) = (String::new(), 0);
    }
    Err(JourneyError::Failed(format!("the LED does not flash {wanted}")))
}

fn says(owned: &Owned, from: usize, wanted: &str) -> Result<usize, JourneyError> {
    let said = until(wanted, SCREEN, || {
        let console = owned.device.console();
        Ok(console.get(from..).is_some_and(|news| news.contains(wanted)).then_some(console.len()))
    });
    said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))
}

fn sign_in(client: &mut Client, password: &str) -> Result<u16, JourneyError> {
    Ok(client.ask("POST", "/session", Some(&json!({ "name": OWNER, "password": password })))?.status)
}

/// Five presses of the power button, the last within three seconds of the first.
fn five(owned: &Owned) -> Result<(), JourneyError> {
    let begin = Instant::now();
    for press in 0..5_u32 {
        until("the next press", SCREEN, || {
            Ok((begin.elapsed() >= Duration::from_millis(450) * press).then_some(()))
        })?;
        owned.device.machine.command(Command::PowerButton)?;
    }
    Ok(())
}

/// From a lost password to a new one, and to a device that is off.
#[tokio::test]
async fn the_buttons_let_the_owner_in_again() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let owned = Owned::start(&fixture)?;
    // The device goes on from where it was saved; the pins answer once it does.
    owned.device.bus().await?;
    let mut gpio = Gpio::connect(&owned.device.machine.port(PORT))?;
    let from = owned.device.console().len();
    gpio.press(BUTTON)?;
    let begin = Instant::now();
    until("five seconds", SCREEN, || Ok((begin.elapsed() >= Duration::from_millis(6500)).then_some(())))?;
    gpio.release(BUTTON)?;
    let (code, from) = code_on_screen(&owned, from)?;
    flashes(&mut gpio, &code)?;

    let mut stranger = owned.script.another("stranger");
    stranger.token = None;
    let wish = |code: &str, password: &str| json!({ "code": code, "password": password });
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let new = "a swan crosses the pond";
    assert_eq!(stranger.ask("POST", "/recovery", Some(&wish(wrong, new)))?.status, 403);
    stranger.expect(200, "POST", "/recovery", Some(&wish(&code, new)))?;
    let mut again = owned.script.another("again");
    again.token = None;
    assert_eq!(again.ask("POST", "/recovery", Some(&wish(&code, new)))?.status, 403, "it works once");
    assert_eq!(sign_in(&mut again, new)?, 200);
    assert_eq!(sign_in(&mut again, PASSWORD)?, 401);

    // The power button: a code; five more arm the reset, and nobody confirms it.
    five(&owned)?;
    let (_, from) = code_on_screen(&owned, from)?;
    five(&owned)?;
    let from = says(&owned, from, "Factory reset armed")?;
    let from = says(&owned, from, "was called off")?;
    assert_eq!(sign_in(&mut again, new)?, 200, "nothing was changed");
    let before = owned.device.machine.exits().len();
    owned.device.machine.command(Command::PowerButton)?;
    says(&owned, from, "the device switches off")?;
    let exits = owned.device.machine.wait_exits(before + 1, SCREEN)?;
    assert_eq!(exits.last(), Some(&Exit::Off));
    Ok(())
}

/// Held while the power comes on, it leads to rescue, though the system is whole; let go, the next start is the system's.
#[tokio::test]
#[ignore = "starts the device three times"]
async fn held_at_power_on_it_leads_to_rescue() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    owned.until_answers()?;
    owned.off()?;
    let from = owned.device.console().len();
    owned.device.machine.mailbox(|mailbox| mailbox.button_held = true);
    owned.device.machine.command(Command::PowerOn)?;
    let from = says(&owned, from, "The button was held while the power came on")?;
    owned.device.machine.mailbox(|mailbox| mailbox.button_held = false);
    let mut owner = until("rescue's page", BOOT, || Ok(owned.owner().ok()))?;
    assert_eq!(owner.expect(200, "GET", "/rescue", None)?["cause"], "button");
    owner.expect(204, "POST", "/rescue/restart", None)?;
    owned.until_answers()?;
    assert!(!owned.device.console().get(from..).unwrap_or_default().contains("factory reset"));
    assert_eq!(owned.script.expect(200, "GET", "/overview", None)?["phase"], "owned");
    Ok(())
}
