//! The system's clock: what it says, who set it, and setting it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};
use tayberry_core::render::ZONES;
use tayberry_core::request::metrics::KeptClock;
use tayberry_format::preseed::TimeZone;

use super::mailbox::{CLOCK_BATTERY, CLOCK_TIME, Mailbox};

/// systemd sets the clock to this file's time if it is earlier (systemd.timesync, `clock-epoch`): our build's.
const EPOCH: &str = "/usr/lib/clock-epoch";
/// `systemd-timesyncd` makes it when a time server has answered (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// When the operating system was built, in seconds since 1970.
///
/// # Errors
/// When the image has no such file.
pub fn build() -> io::Result<i64> {
    Ok(std::fs::metadata(EPOCH)?.mtime())
}

/// The time in seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Time since the kernel started; never goes back.
#[must_use]
pub fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// The hour in the device's time zone, 0 to 23.
#[must_use]
pub fn local_hour() -> u8 {
    u8::try_from(jiff::Zoned::now().hour()).unwrap_or_default()
}

/// Whether the device has this time zone.
#[must_use]
pub fn knows(zone: &TimeZone) -> bool {
    Path::new(ZONES).join(zone.as_ref()).is_file()
}

/// Whether a time server has answered since the start.
#[must_use]
pub fn is_synchronised() -> bool {
    Path::new(SYNCHRONISED).exists()
}

/// Sets the clock.
///
/// # Errors
/// When the kernel refuses.
pub fn set(seconds: i64) -> io::Result<()> {
    Ok(clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::new(seconds, 0))?)
}

/// Sets the system's clock to the one with the battery, where it knows better.
pub fn take_kept(build: i64) {
    // Without such a clock there is nothing to say: the time is unknown until somebody tells it.
    let Ok(kept) = Mailbox::open().and_then(|mut mailbox| mailbox.clock(CLOCK_TIME)) else { return };
    if let Some(seconds) = tayberry_core::clock::from_battery(now(), build, kept.into()) {
        match set(seconds) {
            Ok(()) => tracing::info!("the time is that of the clock with the battery"),
            Err(error) => tracing::warn!("the clock cannot be set: {error}"),
        }
    }
}

/// Sets the clock with the battery to the system's, which somebody who knows it has set; the kernel has no driver that would.
pub fn keep() {
    let kept = Mailbox::open().and_then(|mut mailbox| {
        let kept = mailbox.clock(CLOCK_TIME)?;
        tayberry_core::clock::to_battery(now(), kept.into())
            .map_or(Ok(()), |seconds| mailbox.set_clock(seconds))
    });
    if let Err(error) = kept {
        tracing::debug!("the clock with the battery: {error}");
    }
}

/// The clock with the battery; none where the firmware knows none.
#[must_use]
pub fn kept() -> Option<KeptClock> {
    let microvolts = Mailbox::open().and_then(|mut mailbox| mailbox.clock(CLOCK_BATTERY)).ok()?;
    let holds = tayberry_core::clock::holds(microvolts);
    Some(KeptClock { battery_volts: f64::from(microvolts) / 1e6, holds })
}
