//! Heat in, fan out: the agent reads the virtual board's temperature and drives a fan that the kernel owns.

use std::time::Duration;

use system_tests::device::{Device, free_port};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::gpio_port::Gpio;
use tayberry_guest::protocol::{FAN, PORT};

/// The fan gets slower by two per cent a second, and the board is slower than a real one.
const SHORT: Duration = Duration::from_secs(120);

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
