//! Follows the button, decides with `tayberry_core::button`, and does what a person wants of it.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::button::{Act, Button};

use crate::desk::Desk;
use crate::device::gpio::{self, GpioError};
use crate::device::{clock, kernel_log};

/// The header's pin 29, beside the ground of pin 30 (overlays/device-tree/tayberry-button.dts).
const LINE: u32 = 5;
/// How long to wait before a line is asked for again that could not be had.
const AGAIN: Duration = Duration::from_secs(60);

/// Follows it, for ever.
pub async fn run(desk: &Desk) -> Infallible {
    let mut said = String::new();
    loop {
        let Err(error) = follow(desk).await;
        // A board without the line says so once.
        if error.to_string() != said {
            said = error.to_string();
            tracing::warn!("the button: {said}");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow(desk: &Desk) -> Result<Infallible, GpioError> {
    let line = gpio::Button::open(LINE)?;
    let mut button = Button::default();
    loop {
        if let Some(act) = button.look(line.is_pressed()?, clock::uptime()) {
            carry_out(desk, act).await;
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

async fn carry_out(desk: &Desk, act: Act) {
    tracing::info!(?act, "the button");
    match act {
        Act::Status => kernel_log::say(&desk.in_a_sentence()),
        // Kept for a way back in without a password; until there is one, it does nothing.
        Act::Code => {}
        Act::Armed => kernel_log::say(
            "Factory reset armed: let the button go and press it once more within 10 seconds, and everything on this \
             device is destroyed. Do nothing, and nothing happens.",
        ),
        Act::Cancelled => kernel_log::say("The factory reset was called off. Nothing was changed."),
        Act::Reset => {
            kernel_log::say(
                "Factory reset: everything on this device is destroyed now. It restarts by itself.",
            );
            if let Err(problem) = desk.erase().await {
                kernel_log::say(&problem.detail.unwrap_or(problem.title));
            }
        }
    }
}
