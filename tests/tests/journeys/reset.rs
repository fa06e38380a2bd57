//! A factory reset: by the button and by nobody else's word, ended after a power cut at any moment, and the device is as new: neither
//! what was on it nor the key to it is left on the disk.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::device::{BOOT, Device};
use system_tests::update::Owned;
use system_tests::web::{Client, PASSWORD, until};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry::emulate::gpio_port::Gpio;
use tayberry_format::keyblock::{BLOCK, COPIES, KeyBlock};
use tayberry_format::layout::DATA_START;
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
    let mut owner = owned.owner()?;
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

/// What the owner of the device wrote, as nobody else would.
const SECRET: &str = "a-planted-secret-7Qm2xV9tLr4KpWz8";
/// How often the plug is pulled.
const CUTS: u32 = 20;
/// The moments lie in so long from the wish on: the device is off the screen by then, and the new one shows its code.
const RESET: Duration = Duration::from_secs(60);

/// How often `wanted` is on the disk.
fn count(disk: &Path, wanted: &[u8]) -> Result<usize, JourneyError> {
    let mut file = File::open(disk)?;
    let mut window = vec![0; 1 << 22];
    let (mut held, mut found) = (0, 0);
    loop {
        let read = file.read(&mut window[held..])?;
        let end = held + read;
        found += memchr::memmem::find_iter(&window[..end], wanted).count();
        if read == 0 {
            return Ok(found);
        }
        // What is found once must not be found again.
        held = wanted.len() - 1;
        let from = end.saturating_sub(held);
        window.copy_within(from..end, 0);
        held = end - from;
    }
}

/// The key of the data partition, as the disk has it.
fn key(disk: &Path) -> Result<[u8; 64], JourneyError> {
    let mut copies = [[0; BLOCK]; 2];
    let file = File::open(disk)?;
    for (copy, offset) in copies.iter_mut().zip(COPIES) {
        file.read_exact_at(copy, DATA_START + offset)?;
    }
    match KeyBlock::judge(&copies) {
        tayberry_format::keyblock::Found::Key { block, .. } => Ok(block.key.0),
        other => Err(JourneyError::Failed(format!("no key: {other:?}"))),
    }
}

/// Begins a reset, pulls the plug `after` so long, plugs it in again. Returns whether the device is new; if not, it is as it was.
async fn cut_reset(fixture: &Fixture, after: Duration) -> Result<bool, JourneyError> {
    let owned = Owned::start_with(fixture, |spec| spec.drives[0].forgets = false)?;
    let disk = owned.device.disk(0);
    let old = key(&disk)?;
    let bus = owned.device.bus().await?;
    let plant = format!("for i in 1 2 3 4 5 6 7 8; do echo {SECRET} >/var/lib/planted-$i; done; sync");
    bus.shell(&plant, SCREEN).await?;
    drop(bus);
    let wish = json!({ "name": "attic", "password": PASSWORD });
    owned.owner()?.expect(204, "POST", "/factory-reset", Some(&wish))?;
    let (begin, from) = (Instant::now(), owned.device.console().len());
    until("the moment", RESET * 2, || Ok((begin.elapsed() >= after).then_some(())))?;
    owned.off()?;
    owned.device.machine.command(Command::PowerOn)?;
    let mut anybody = Client::new(&owned.device, owned.port, "attic.local")?;
    let ended = until("a device that is whole", BOOT, || {
        let phase = anybody.ask("GET", "/overview", None)?.body["phase"].clone();
        let news = owned.device.console();
        let code = news.get(from..).unwrap_or_default().contains("Claim code ");
        Ok((phase == "owned" || (phase == "unclaimed" && code)).then_some(phase))
    });
    let phase =
        ended.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))?;
    owned.off()?;
    assert_eq!(count(&disk, SECRET.as_bytes())?, 0, "the disk is encrypted");
    let keys = count(&disk, &old)?;
    if phase == "owned" {
        assert_eq!((keys, key(&disk)?), (COPIES.len(), old), "nothing was destroyed");
        return Ok(false);
    }
    assert_eq!(keys, 0, "the old key is on the disk");
    assert_ne!(key(&disk)?, old);
    Ok(true)
}

/// Twenty moments, from the wish to the new claim code; what the drive was told to discard stays on it.
#[tokio::test]
#[ignore = "half an hour"]
async fn a_reset_that_is_cut_off_is_ended() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut seed = 0x5eed_u64;
    let mut new = 0;
    for cut in 0..CUTS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Half of them in the first twentieth, where the intention is written and the device stops.
        let within = if cut % 2 == 0 { RESET / 20 } else { RESET };
        let after = within.mul_f64(f64::from(u32::try_from(seed >> 32).unwrap_or(0)) / f64::from(u32::MAX));
        let is_new = cut_reset(&fixture, after).await.map_err(|error| {
            JourneyError::Failed(format!("cut {cut}, after {} ms: {error}", after.as_millis()))
        })?;
        new += u32::from(is_new);
    }
    assert!(new >= CUTS / 2, "{new} of {CUTS} ended as new devices");
    Ok(())
}
