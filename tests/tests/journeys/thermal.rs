//! Heat in, fan out: the agent reads the virtual board's temperature and drives a fan that the kernel owns.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::device::{Device, free_port};
use system_tests::update::Owned;
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::board::Exit;
use tayberry::emulate::command::Command;
use tayberry::emulate::gpio_port::Gpio;
use tayberry_guest::protocol::{FAN, PORT};

/// The fan gets slower by two per cent a second, and the board is slower than a real one.
const SHORT: Duration = Duration::from_secs(120);

/// The header's line with a HAT's fan.
const HAT: u32 = 18;
/// Ten minutes, and what an emulated device takes to see that they are over.
const STUCK: Duration = Duration::from_secs(900);
/// 30 seconds too hot, and what an emulated device takes to go off.
const HOT: Duration = Duration::from_secs(180);

/// The processor is so hot from now on; waits until the fan turns, or stands still.
fn heat(device: &Device, gpio: &mut Gpio, thousandths: u32, turns: bool) -> Result<(), JourneyError> {
    device.machine.mailbox(|mailbox| mailbox.temperature = thousandths);
    fan(device, gpio, turns).map_err(|error| JourneyError::Failed(format!("at {thousandths}: {error}")))
}

fn fan(device: &Device, gpio: &mut Gpio, turns: bool) -> Result<(), JourneyError> {
    // Low turns it.
    gpio.wait_level(FAN, !turns, SHORT)
        .map_err(|error| JourneyError::Failed(format!("{error}\n{}", device.console_end())))
}

/// It turns when it is warm, when the sensor says what cannot be, and when the agent dies; otherwise it is silent.
#[tokio::test]
async fn heat_turns_the_fan() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::new_one(&fixture, free_port()?, 443)?;
    let bus = device.bus().await?;
    let mut gpio = Gpio::connect(&device.machine.port(PORT))?;
    heat(&device, &mut gpio, 40_000, false)?;
    heat(&device, &mut gpio, 65_000, true)?;
    heat(&device, &mut gpio, 40_000, false)?;
    heat(&device, &mut gpio, 200_000, true)?;
    heat(&device, &mut gpio, 40_000, false)?;
    bus.shell("systemctl kill --signal=KILL tayberryd.service", SHORT).await?;
    fan(&device, &mut gpio, true)?;
    // The next agent.
    fan(&device, &mut gpio, false)
}

/// A sensor that says the same for ten minutes has stopped to measure: the fan turns, until it says something else.
#[tokio::test]
#[ignore = "waits for ten minutes"]
async fn a_sensor_that_is_stuck_turns_the_fan() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let device = Device::new_one(&fixture, free_port()?, 443)?;
    // The port is there once the device is.
    drop(device.bus().await?);
    let mut gpio = Gpio::connect(&device.machine.port(PORT))?;
    heat(&device, &mut gpio, 40_000, false)?;
    device.machine.mailbox(|mailbox| mailbox.sensor_stuck = true);
    gpio.wait_level(FAN, false, STUCK)?;
    heat(&device, &mut gpio, 40_500, false)
}

/// An owner's curve counts from the next second on; in the heat the services are slowed down, and work again when it is cool; hotter still,
/// the device goes off in order, and says why when it is switched on again.
#[tokio::test]
#[ignore = "restarts the device"]
async fn too_much_heat_switches_it_off() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let bus = owned.device.bus().await?;
    let mut gpio = Gpio::connect(&owned.device.machine.port(PORT))?;
    heat(&owned.device, &mut gpio, 47_000, false)?;
    let wish = |fan: Value| json!({ "fan": fan });
    assert_eq!(
        owned.script.ask("PATCH", "/settings", Some(&wish(json!({ "curve": [[40, 50]] }))))?.status,
        422
    );
    owned.script.expect(200, "PATCH", "/settings", Some(&wish(json!({ "curve": [[40, 50], [70, 100]] }))))?;
    fan(&owned.device, &mut gpio, true)?;
    // A HAT's fan at its own line of the header does the same; high turns it.
    let hat = json!({ "fan_line": HAT });
    assert_eq!(owned.script.ask("PATCH", "/settings", Some(&json!({ "fan_line": 5 })))?.status, 422);
    owned.script.expect(200, "PATCH", "/settings", Some(&hat))?;
    until("the HAT's fan turns", SHORT, || Ok(gpio.level(HAT)?.then_some(())))?;
    owned.script.expect(200, "PATCH", "/settings", Some(&wish(json!("quiet"))))?;
    fan(&owned.device, &mut gpio, false)?;
    until("the HAT's fan is silent", SHORT, || Ok((!gpio.level(HAT)?).then_some(())))?;

    let quota = "systemctl show -P CPUQuotaPerSecUSec services.slice >/dev/ttyAMA0";
    let says = |wanted: &str| -> Result<(), JourneyError> {
        let from = owned.device.console().len();
        let said = until(wanted, HOT, || {
            Ok(owned.device.console().get(from..).is_some_and(|news| news.contains(wanted)).then_some(()))
        });
        said.map_err(|error| JourneyError::Failed(format!("{error}\n{}", owned.device.console_end())))
    };
    owned.device.machine.mailbox(|mailbox| mailbox.temperature = 90_000);
    says("its services are slowed down")?;
    bus.shell(quota, SHORT).await?;
    assert!(owned.device.console().contains("\n250ms"), "{}", owned.device.console_end());
    owned.device.machine.mailbox(|mailbox| mailbox.temperature = 60_000);
    says("The device is cool again")?;
    let before = owned.device.machine.exits().len();
    owned.device.machine.mailbox(|mailbox| mailbox.temperature = 101_000);
    let exits = owned.device.machine.wait_exits(before + 1, HOT)?;
    assert_eq!(exits.last(), Some(&Exit::Off));
    owned.device.machine.mailbox(|mailbox| mailbox.temperature = 40_000);
    owned.device.machine.command(Command::PowerOn)?;
    owned.until_answers()?;
    let status = owned.script.expect(200, "GET", "/status", None)?;
    assert!(status["notices"].to_string().contains("switched itself off"), "{status}");
    Ok(())
}
