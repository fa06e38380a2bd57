//! Writes to the consoles that the kernel uses: the screen and the serial port.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Clears the screen and puts the cursor in the first corner (ECMA-48: ED 2, CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Shows `text` on every active console. A console that is not there is no error: a device has no screen most of the
/// time.
///
/// # Errors
/// When the kernel does not say which consoles are active.
pub fn show(text: &str) -> io::Result<()> {
    let active = std::fs::read_to_string("/sys/class/tty/console/active")?;
    for name in active.split_ascii_whitespace() {
        let Ok(mut console) = OpenOptions::new().write(true).open(format!("/dev/{name}")) else { continue };
        let screen = if name.starts_with("tty") && !name.starts_with("ttyA") { CLEAR } else { "" };
        if let Err(error) = console.write_all(format!("{screen}{text}").as_bytes()) {
            tracing::warn!("console {name}: {error}");
        }
    }
    Ok(())
}
