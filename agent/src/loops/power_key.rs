//! Follows the power button, decides with `tayberry_core::power_key`, and does what a person wants of it.

use std::convert::Infallible;

use tayberry_core::power_key::{PowerKey, Wish};

use super::again;
use super::panel::Panel;
use crate::desk::Desk;
use crate::device::power_key::{PowerKeyError, PowerKeys};
use crate::device::{clock, kernel_log, systemd};

/// Follows it, for ever.
pub async fn run(desk: &Desk, panel: &Panel) -> Infallible {
    again::follow("the power key", async || follow(desk, panel).await).await
}

async fn follow(desk: &Desk, panel: &Panel) -> Result<Infallible, PowerKeyError> {
    let mut keys = PowerKeys::take().await?;
    let mut key = PowerKey::default();
    loop {
        let pause = async {
            match key.wakes() {
                Some(then) => tokio::time::sleep(then.saturating_sub(clock::uptime())).await,
                None => std::future::pending().await,
            }
        };
        let pressed = tokio::select! {
            pressed = keys.pressed() => { pressed?; true }
            () = pause => false,
        };
        let wish = if pressed { key.pressed(clock::uptime()) } else { key.waits(clock::uptime()) };
        match wish {
            Some(Wish::PowerOff) => power_off().await,
            Some(Wish::Button(act)) => panel.carry_out(desk, act).await,
            None => {}
        }
    }
}

async fn power_off() {
    kernel_log::say("The power button was pressed: the device switches off.");
    let asked = async { systemd::power_off(&zbus::Connection::system().await?).await };
    if let Err(error) = asked.await {
        kernel_log::say(&format!("The device cannot be switched off: {error}"));
    }
}
