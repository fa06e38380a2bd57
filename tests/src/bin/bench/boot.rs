//! `scripts/bench boot`: kernel start to agent ready, on the device's own clock, in the virtual Pi 5; beside the same
//! system with Debian's stock initramfs.

use serde_json::json;
use system_tests::device::{BOOT, Device};
use system_tests::{Fixture, JourneyError};
use tayberry::emulate::command::Command;
use tayberry_firmware::Medium;

use crate::{hundredths, result, stock};

/// The unit whose readiness ends a boot.
const AGENT: &str = "tayberryd.service";
const MIB: f64 = 1_048_576.0;

/// Runs the benchmark. The time is systemd's: when `tayberryd.service` said that it is ready, on the monotonic clock,
/// which begins with the kernel. Ours makes the data partition in its first boot and opens it in the later one; the
/// baseline has none in either.
///
/// # Errors
/// When a device does not come up, or the baseline cannot be made.
pub(crate) async fn run(fixture: &Fixture) -> Result<(), JourneyError> {
    let folder = fixture.folder()?;
    let initramfs = stock::build(fixture, folder.path()).await?;
    let stock_bytes = std::fs::metadata(&initramfs)?.len();
    let [first, later] = two_boots(fixture, |_| ()).await?;
    let [stock_first, stock_later] = two_boots(fixture, |spec| {
        spec.initramfs = Some(initramfs);
        spec.cmdline = stock::CMDLINE.to_owned();
    })
    .await?;

    println!("{:34} {:>12} {:>20}", "kernel to agent", "Tayberry's", "Debian's initramfs");
    println!("{:34} {first:10.2} s {stock_first:18.2} s", "first boot of a disk");
    println!("{:34} {later:10.2} s {stock_later:18.2} s", "later boot");
    println!("{:34} {:>12} {:16.2} MiB", "initramfs", "bench build", stock_bytes as f64 / MIB);
    println!("{:34} {:10.2} x", "ratio of the first boots", stock_first / first);
    result(&json!({
        "kernel_to_agent_s": hundredths(first),
        "stock_kernel_to_agent_s": hundredths(stock_first),
        "later_kernel_to_agent_s": hundredths(later),
        "stock_later_kernel_to_agent_s": hundredths(stock_later),
        "stock_initramfs_mib": hundredths(stock_bytes as f64 / MIB),
    }));
    Ok(())
}

/// Seconds of the first boot of a fresh disk, and of the one after it.
async fn two_boots(
    fixture: &Fixture,
    change: impl FnOnce(&mut tayberry::emulate::board::Spec),
) -> Result<[f64; 2], JourneyError> {
    let device = Device::start(fixture, &[Medium::Nvme], |spec| {
        change(spec);
        Ok(())
    })?;
    let bus = device.bus().await?;
    let first = bus.active_since_boot(AGENT).await?;
    // Not by the power button: so soon after the agent nobody listens to it yet. The answer is lost when the bus stops
    // first; the machine's end is what counts.
    drop(bus.shell("systemctl --no-block poweroff", BOOT).await);
    drop(bus);
    device.machine.wait_power(false, BOOT)?;
    device.machine.command(Command::PowerOn)?;
    let later = device.bus().await?.active_since_boot(AGENT).await?;
    Ok([first.as_secs_f64(), later.as_secs_f64()])
}
