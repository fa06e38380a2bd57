//! Follows the button, decides with `tayberry_core::button`, and does what a person wants of it.

use std::convert::Infallible;

use tayberry_core::button::Button;
use tayberry_format::header::BUTTON;

use super::again;
use super::panel::Panel;
use crate::desk::Desk;
use crate::device::clock;
use crate::device::gpio::{self, GpioError};

/// Follows it, for ever.
pub async fn run(desk: &Desk, panel: &Panel) -> Infallible {
    again::follow("the button", async || follow(desk, panel).await).await
}

async fn follow(desk: &Desk, panel: &Panel) -> Result<Infallible, GpioError> {
    let line = gpio::Button::open(BUTTON.into())?;
    let mut button = Button::default();
    loop {
        if let Some(act) = button.look(line.is_pressed()?, clock::uptime()) {
            panel.carry_out(desk, act).await;
        }
        let pause = async {
            match button.wakes() {
                Some(then) => tokio::time::sleep(then.saturating_sub(clock::uptime())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = line.changed() => changed?,
            () = pause => {}
        }
    }
}
