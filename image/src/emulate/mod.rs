//! The virtual Pi 5: the firmware model plays the EEPROM, QEMU's `virt` machine plays the board, and a reboot returns to
//! the firmware model with its flags. Also a library: the journeys in `tests/` drive it through [`machine::Machine`].

pub mod board;
pub mod command;
pub mod console;
pub mod control;
pub mod device_tree;
pub mod disk;
pub mod firmware_port;
pub mod gpio_port;
pub mod machine;
pub mod power;
pub mod qemu;
pub mod qmp;
pub mod recorded;
pub mod saved;
pub mod writes;

use std::path::PathBuf;

/// A virtual Pi 5 that cannot be started or driven.
#[derive(Debug, thiserror::Error)]
pub enum EmulateError {
    /// A file or socket.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// A tool.
    #[error(transparent)]
    Tool(#[from] crate::tools::ToolError),
    /// The firmware would boot nothing.
    #[error("the firmware boots nothing from this disk: {0}")]
    NoBoot(String),
    /// A file that the firmware chose cannot be read.
    #[error(transparent)]
    Read(#[from] tayberry_firmware::ReadError),
    /// QEMU does not answer.
    #[error("QEMU does not answer as it should: {0}")]
    Qmp(String),
    /// QEMU ended by itself.
    #[error("QEMU ended: {0}")]
    QemuEnded(String),
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// A damaged write log.
    #[error("{path} is not a write log: {why}")]
    WriteLog {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// A sparse copy failed.
    #[error("{0}")]
    Unpack(#[from] crate::image_file::ImageError),
    /// A peripheral was told something it does not know.
    #[error("{0}")]
    Control(String),
    /// The machine's thread is gone.
    #[error("the virtual Pi 5 has ended")]
    Ended,
}

/// Turns an I/O error at `path` into an [`EmulateError`].
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EmulateError {
    let path = path.into();
    move |error| EmulateError::Io { path, error }
}
