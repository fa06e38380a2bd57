//! First process of the test system on QEMU's `raspi3b`: loads the kernel modules beside it, asks the firmware through
//! the source of the agent's mailbox, says on the console what came, and resets the board. A crate of its own, since
//! the agent is compiled for the Pi 5's processor, which this board does not have. The journey is `tests/tests/journeys/vcio.rs`.
#![allow(clippy::print_stdout, reason = "standard output is the serial console, which the journey reads")]

#[allow(dead_code, unreachable_pub, reason = "the agent's own source; this program uses a part of it")]
#[path = "../../../agent/src/device/mailbox/mod.rs"]
mod mailbox;

use std::error::Error;
use std::fs::File;

use mailbox::Mailbox;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};

fn probe() -> Result<(), Box<dyn Error>> {
    mount(None::<&str>, "/dev", Some("devtmpfs"), MsFlags::empty(), None::<&str>)?;
    // The watchdog's driver is what resets this board.
    for module in ["/bcm2835_wdt.ko", "/vcio.ko"] {
        finit_module(File::open(module)?, c"", ModuleInitFlags::empty())?;
    }
    let mut mailbox = Mailbox::open()?;
    println!("probe: revision {:#x}", mailbox.revision()?);
    println!("probe: temperature {:.3}", mailbox.temperature()?.degrees());
    match mailbox.set_try_once() {
        Ok(()) => println!("probe: try-once kept"),
        Err(error) => println!("probe: try-once: {error}"),
    }
    Ok(())
}

fn main() {
    if let Err(error) = probe() {
        println!("probe: failed: {error}");
    }
    println!("probe: end");
    // It only returns when it failed.
    let Err(errno) = reboot(RebootMode::RB_AUTOBOOT);
    println!("probe: no reset: {errno}");
}
