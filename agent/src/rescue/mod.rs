//! Rescue: the agent of a device whose system does not start. It looks at both slots; what follows is decided in
//! `tayberry_core::rescue`. If a person is needed it serves the same front as ever, on wired networks alone, with what helps
//! now: another bundle, the other slot, the data, a factory reset. There is no systemd, no bus and no system partition here.

mod data;
mod desk;
mod export;
mod front;
mod look;
mod network;
mod power;
mod updates;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tayberry_core::request::rescue::Cause;
use tayberry_core::rescue::{self, Screen, UNATTENDED, Verdict};
use tayberry_core::thermal::Duty;
use tayberry_format::boot_counter::Counter;

use crate::device::authority::AuthorityError;
use crate::device::hwmon::Hwmon;
use crate::device::{boot, console};
use desk::Desk;
use look::Found;

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A rescue that cannot go on; process 1 starts it again.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// What process 1 left.
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    /// The certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The way to the front.
    #[error("the front: {0}")]
    Bus(#[from] zbus::Error),
    /// A file, the clock, randomness.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A thread that ended.
    #[error(transparent)]
    Stopped(#[from] tokio::task::JoinError),
}

/// Looks, and starts a system or serves.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn run() -> Result<Infallible, RescueError> {
    let build = look::set_clock()?;
    let report = boot::report()?;
    console::show("\r\n  Tayberry: rescue. Both slots are being checked.\r\n")?;
    // Nobody follows the temperature here.
    for fan in Hwmon::default().fans() {
        if let Err((path, error)) = fan.drive(Duty::FULL) {
            tracing::warn!("the fan cannot be driven: {}: {error}", path.display());
        }
    }
    let disk = report.disk.clone();
    let found = tokio::task::spawn_blocking(move || look::at(&disk, report.slot)).await?;
    let verdict = rescue::decide(found.seen());
    tracing::info!("{verdict:?}: {found:?}");
    let disk = report.disk.clone();
    match verdict {
        Verdict::Retry => {
            let counter = Counter { starts: 0, retried: true, ..found.counter };
            match power::keep(&disk, counter).await {
                Ok(()) => power::restart(&disk, counter).await,
                // Nothing would say the next time that this was tried: it would never come to a person.
                Err(error) => {
                    tracing::error!("the counter of starts: {error}");
                    serve(&report, found, Cause::DoesNotStart, build).await
                }
            }
        }
        Verdict::Leave(slot) => {
            let counter = Counter { left: Some(slot.other()), ..Counter::default() };
            match power::make_default(&disk, slot, counter).await {
                Ok(()) => power::restart(&disk, counter).await,
                Err(why) => {
                    tracing::error!("{why}");
                    serve(&report, found, Cause::BothDamaged, build).await
                }
            }
        }
        Verdict::Serve(cause) => serve(&report, found, cause, build).await,
    }
}

async fn serve(
    report: &tayberry_format::boot_report::BootReport,
    found: Found,
    cause: Cause,
    build: i64,
) -> Result<Infallible, RescueError> {
    let desk = Arc::new(Desk::open(report, found, cause, build)?);
    tokio::select! {
        never = network::run(desk.name()) => match never {},
        failed = front::run(&desk) => Err(failed),
        failed = screen(&desk) => Err(failed),
        failed = unattended(&desk) => Err(failed),
    }
}

/// Keeps the screen and the serial console up to date.
async fn screen(desk: &Desk) -> RescueError {
    let mut shown = String::new();
    loop {
        let addresses = crate::device::network::addresses();
        let text = rescue::render(&Screen {
            name: &desk.name(),
            version: crate::device::system::version(),
            cause: desk.cause,
            addresses: &addresses,
            code: &desk.code,
            fingerprint: &desk.fingerprint(),
        });
        if text != shown {
            if let Err(error) = console::show(&text) {
                return error.into();
            }
            shown = text;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A system that is whole gets another chance when nobody comes.
async fn unattended(desk: &Desk) -> RescueError {
    tokio::time::sleep(UNATTENDED).await;
    if !desk.is_default_whole() || desk.was_signed_in() {
        return std::future::pending().await;
    }
    tracing::warn!("nobody signed in: the system is started again");
    match power::restart(&desk.disk, Counter { retried: true, ..Counter::default() }).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}
