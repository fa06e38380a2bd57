//! What a person does at the device itself, with whichever button: carried out here, and shown by the LED.

use std::time::Duration;

use tayberry_core::button::{Act, CONFIRM};
use tayberry_core::led::Show;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::device::{clock, kernel_log};

/// So long is it shown that a press was seen.
const SEEN: Duration = Duration::from_secs(2);
/// An armed reset ends by itself: held, let go and pressed again, each for [`CONFIRM`] at most.
const ARMED: Duration = CONFIRM.saturating_mul(3);

/// What the LED shows because somebody presses, and until when.
pub struct Panel(watch::Sender<Option<(Show, Duration)>>);

impl Default for Panel {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Panel {
    /// Tells of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<(Show, Duration)>> {
        self.0.subscribe()
    }

    fn show(&self, show: Show, lasts: Duration) {
        self.0.send_replace(Some((show, clock::uptime() + lasts)));
    }

    /// Does what a person wants.
    pub async fn carry_out(&self, desk: &Desk, act: Act) {
        tracing::info!(?act, "the button");
        match act {
            Act::Status => {
                self.show(Show::Seen, SEEN);
                kernel_log::say(&desk.in_a_sentence());
            }
            Act::Code => {
                self.0.send_replace(None);
                match desk.offer_code() {
                    Ok(sentence) => kernel_log::say(&sentence),
                    Err(problem) => kernel_log::say(&problem.detail.unwrap_or(problem.title)),
                }
            }
            Act::Armed => {
                self.show(Show::Armed, ARMED);
                kernel_log::say(
                    "Factory reset armed: press the button once more within 10 seconds (let it go first), and everything \
                     on this device is destroyed. Do nothing, and nothing happens.",
                );
            }
            Act::Cancelled => {
                self.0.send_replace(None);
                kernel_log::say("The factory reset was called off. Nothing was changed.");
            }
            Act::Reset => self.reset(desk).await,
        }
    }

    async fn reset(&self, desk: &Desk) {
        kernel_log::say("Factory reset: everything on this device is destroyed now. It restarts by itself.");
        if let Err(problem) = desk.erase().await {
            self.0.send_replace(None);
            kernel_log::say(&problem.detail.unwrap_or(problem.title));
        }
    }
}
