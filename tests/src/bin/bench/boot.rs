//! `scripts/bench boot`: kernel start to agent ready, on the device's own clock, in the virtual Pi 5.

use serde_json::json;
use system_tests::device::Device;
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;

use crate::result;

/// Runs the benchmark. The time is systemd's: when `tayberryd.service` said that it is ready, on the monotonic clock,
/// which begins with the kernel.
///
/// # Errors
/// When the device does not come up; and at the end, because the baseline is not there yet.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let device = Device::start(fixture, &[Medium::Nvme], |_| Ok(()))?;
    let bus = device.bus().await?;
    let ready = bus.active_since_boot("tayberryd.service").await?.as_secs_f64();
    println!("{:34} {ready:8.2} s", "kernel to agent");
    println!("{:34} {:>10}", "the same with Debian's initramfs", "missing");
    result(&json!({ "kernel_to_agent_s": (ready * 100.0).round() / 100.0, "stock_kernel_to_agent_s": null }));
    Err(JourneyError::Failed("the baseline with Debian's stock initramfs is not built yet".into()))
}
