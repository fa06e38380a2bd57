//! Shows on the LED how the device is: looks, decides with `tayberry_core::led`, lights.

use std::convert::Infallible;
use std::time::Duration;

use tayberry_core::led::{self, Facts, Show};
use tayberry_core::liveness::Pulse;
use tokio::sync::watch;

use super::again;
use super::panel::Panel;
use crate::desk::Desk;
use crate::device::clock;
use crate::device::led::Led;

/// What nobody tells of (room on the drive, slots) is looked at so often: it is read from the drive.
const LOOK: Duration = Duration::from_secs(60);

/// Shows it, for ever. A board without an LED has nothing that could hang here.
pub async fn run(desk: &Desk, panel: &Panel, pulse: &Pulse) -> Infallible {
    again::follow("the LED", async || {
        pulse.beat(clock::uptime());
        show(&Led::take()?, desk, panel.watch(), pulse).await
    })
    .await
}

async fn show(
    led: &Led,
    desk: &Desk,
    mut pressed: watch::Receiver<Option<(Show, Duration)>>,
    pulse: &Pulse,
) -> std::io::Result<Infallible> {
    let (mut state, mut updates) = desk.watches();
    let (mut rhythm, mut since) = (Vec::new(), clock::uptime());
    let mut condition = desk.condition().await;
    let mut looked = clock::uptime();
    loop {
        let now = clock::uptime();
        pulse.beat(now);
        // An update tells of every piece; only another phase is a reason to look at the slots.
        if now.saturating_sub(looked) >= LOOK || desk.update_phase() != condition.update {
            (condition, looked) = (desk.condition().await, now);
        }
        let button = pressed.borrow_and_update().clone();
        let button = button.filter(|(_, until)| now < *until).map(|(show, _)| show);
        let code = desk.offered_code().map(Show::Code);
        let next = Show::choose(Facts { button: button.or(code), ..condition.clone() }).rhythm();
        if next != rhythm {
            (rhythm, since) = (next, now);
        }
        let (on, lasts) = led::lit(&rhythm, now.saturating_sub(since));
        led.light(on)?;
        tokio::select! {
            () = tokio::time::sleep(lasts) => {}
            _ = pressed.changed() => {}
            _ = state.changed() => looked = Duration::ZERO,
            _ = updates.changed() => {}
        }
    }
}
