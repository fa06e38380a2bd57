//! A running board as files: its memory and devices as QEMU writes them, and what the firmware's mailbox holds. A board that is
//! resumed from them goes on with its next instruction; what was connected to it is not any more, and its clock has stood
//! still. The disks as they were at that moment belong to it, and whoever keeps the files keeps them too. NVMe cannot be saved
//! (QEMU's device says so of itself), and of an SD card's controller QEMU forgets the PCI side: such boards need a USB drive.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::emulate::firmware_port::Mailbox;
use crate::emulate::qmp::Qmp;
use crate::emulate::{EmulateError, at};

/// Memory and devices.
pub const MEMORY: &str = "memory";
/// The firmware's mailbox, as JSON.
pub const MAILBOX: &str = "mailbox.json";

/// How long writing the memory may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often QEMU is asked whether it has.
const POLL: Duration = Duration::from_millis(20);
/// Bytes in a second that may be written: no limit (QEMU's own default is that of a network).
const SPEED: u64 = 1 << 40;

/// Writes the board to `folder`. It stands still afterwards.
pub(super) fn save(qmp: &mut Qmp, folder: &Path, mailbox: &Mailbox) -> Result<(), EmulateError> {
    let path = folder.join(MAILBOX);
    let state = serde_json::to_vec_pretty(mailbox).map_err(|error| at(&path)(error.into()))?;
    std::fs::write(&path, state).map_err(at(&path))?;
    qmp.execute("migrate-set-parameters", &json!({ "max-bandwidth": SPEED }))?;
    qmp.execute("migrate", &json!({ "uri": format!("file:{}", folder.join(MEMORY).display()) }))?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let state = qmp.execute("query-migrate", &json!({}))?;
        match state["status"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed" | "cancelled") => {
                return Err(EmulateError::Qmp(format!("migrate: {}", state["error-desc"])));
            }
            _ => {}
        }
        #[allow(clippy::disallowed_methods, reason = "polls a state with a deadline")]
        std::thread::sleep(POLL);
    }
    Err(EmulateError::Timeout { what: "the end of saving the board".into(), seconds: PATIENCE.as_secs() })
}

/// The mailbox of the board in `folder`.
pub(super) fn mailbox(folder: &Path) -> Result<Mailbox, EmulateError> {
    let path = folder.join(MAILBOX);
    let file = File::open(&path).map_err(at(&path))?;
    serde_json::from_reader(std::io::BufReader::new(file)).map_err(|error| at(&path)(error.into()))
}
