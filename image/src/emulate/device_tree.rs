//! The virtual board's device tree: QEMU's own, with what the Pi 5's firmware would have added.

use std::path::Path;

use tayberry_firmware::{Boot, Eeprom, Medium};
use tayberry_guest::protocol::BOARD_CHIP;

use crate::emulate::board::Spec;
use crate::emulate::{EmulateError, at};
use crate::tools::{Tools, execute};

/// Where QEMU's `virt` machine puts its memory (QEMU, hw/arm/virt.c).
const MEMORY: u64 = 0x4000_0000;
/// The last megabyte keeps the kernel's last words across a warm reset.
pub const PSTORE_BYTES: u64 = 1 << 20;

/// A number that no node of QEMU's tree has.
const CHIP_HANDLE: &str = "7a7";

/// Physical address of the kept memory.
#[must_use]
pub const fn pstore_address(memory_mib: u64) -> u64 {
    MEMORY + (memory_mib << 20) - PSTORE_BYTES
}

/// Writes the tree for one boot to `output`. `base` is what QEMU dumped for this machine.
///
/// # Errors
/// With the tool's own words.
pub fn write(
    tools: &Tools,
    spec: &Spec,
    base: &Path,
    output: &Path,
    boot: &Boot,
    medium: Medium,
) -> Result<(), EmulateError> {
    std::fs::copy(base, output).map_err(at(output))?;
    let put = |options: &[&str], node: &str, name: &str, values: &[String]| -> Result<(), EmulateError> {
        execute(tools.command("fdtput").args(options).arg(output).args([node, name]).args(values))?;
        Ok(())
    };
    let text = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    if !spec.anonymous {
        put(&["-t", "s"], "/", "compatible", &text(&["qemu,virt", "linux,dummy-virt"]))?;
    }
    let bootloader = "/chosen/bootloader";
    for (name, value) in [
        ("partition", boot.reported_partition),
        ("tryboot", u32::from(boot.try_once)),
        ("boot-mode", boot_mode(medium)),
        ("count", u32::from(boot.reset_after.boot_count)),
        ("build-timestamp", Eeprom::default().build),
    ] {
        put(&["-p", "-t", "u"], bootloader, name, &[value.to_string()])?;
    }
    let address = pstore_address(spec.memory);
    let node = format!("/reserved-memory/ramoops@{address:x}");
    let cells = |value: u64| [format!("{:x}", value >> 32), format!("{:x}", value & 0xffff_ffff)];
    let hex = ["-p", "-t", "x"];
    put(&hex, "/reserved-memory", "#address-cells", &text(&["2"]))?;
    put(&hex, "/reserved-memory", "#size-cells", &text(&["2"]))?;
    put(&hex, "/reserved-memory", "ranges", &[])?;
    put(&["-p", "-t", "s"], &node, "compatible", &text(&["ramoops"]))?;
    put(&hex, &node, "reg", &[cells(address), cells(PSTORE_BYTES)].concat())?;
    put(&hex, &node, "record-size", &text(&["10000"]))?;
    put(&hex, &node, "console-size", &text(&["20000"]))?;
    for (kind, node, name, values) in lines() {
        put(&["-p", "-t", kind], &node, name, &text(values))?;
    }
    Ok(())
}

/// The fan of tayberry-fan.dts and the LED of tayberry-led.dts: kind, node, name and values of each property. Their lines are those of a
/// simulated chip (Linux, admin-guide/gpio/gpio-sim.rst), because the kernel takes them at the start, and the chip with the header's
/// lines is made later.
fn lines() -> Vec<(&'static str, String, &'static str, &'static [&'static str])> {
    let (chip, bank) = (format!("/{BOARD_CHIP}"), format!("/{BOARD_CHIP}/bank0"));
    let (fan, leds, led) = ("/fan".to_owned(), "/leds".to_owned(), "/leds/led-act".to_owned());
    vec![
        ("s", chip, "compatible", &["gpio-simulator"]),
        ("s", bank.clone(), "gpio-sim,label", &[BOARD_CHIP]),
        ("x", bank.clone(), "gpio-controller", &[]),
        ("x", bank.clone(), "#gpio-cells", &["2"]),
        ("x", bank.clone(), "ngpios", &["2"]),
        ("x", bank, "phandle", &[CHIP_HANDLE]),
        ("s", fan.clone(), "compatible", &["gpio-fan"]),
        // 1: active low
        ("x", fan.clone(), "gpios", &[CHIP_HANDLE, "0", "1"]),
        ("x", fan.clone(), "gpio-fan,speed-map", &["0", "0", "1f40", "1"]),
        ("x", fan, "#cooling-cells", &["2"]),
        ("s", leds, "compatible", &["gpio-leds"]),
        ("s", led.clone(), "label", &["ACT"]),
        ("x", led.clone(), "gpios", &[CHIP_HANDLE, "1", "0"]),
        ("s", led, "default-state", &["on"]),
    ]
}

/// `/chosen/bootloader/boot-mode` (Raspberry Pi documentation, `BOOT_ORDER`).
const fn boot_mode(medium: Medium) -> u32 {
    match medium {
        Medium::Sd => 1,
        Medium::Usb => 4,
        Medium::Nvme => 6,
    }
}
