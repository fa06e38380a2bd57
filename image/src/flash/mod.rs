//! Writes an image to a drive: looks at drives (`devices`), decides which may be written (`decide`), opens the image and
//! makes sure that it is ours (`source`), decides which bytes are written (`plan`), writes and verifies (`write`).
//! What is asked of the person lies in `commands::flash`.
//!
//! The first mebibyte, with the partition table, is erased first and written last: a drive that was left half-written
//! boots nothing and is not taken for ours.

pub mod decide;
pub mod devices;
pub mod plan;
pub mod settings;
pub mod source;
pub mod write;

use std::path::PathBuf;

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// No image was named and none was built.
    #[error("{0} holds no .img.zst: run tayberry build, or name an image")]
    NoImage(PathBuf),
    /// The image.
    #[error(transparent)]
    Source(#[from] source::SourceError),
    /// The settings for the first boot.
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    /// The kernel does not say which devices there are.
    #[error("the list of drives cannot be read: {0}")]
    Look(std::io::Error),
    /// A device that must not be written.
    #[error("{device} is not written: {refusal}")]
    Refused {
        /// As named by the person.
        device: PathBuf,
        /// The reason.
        refusal: decide::Refusal,
    },
    /// The device cannot be opened.
    #[error("{device} cannot be opened for writing: {error}; {advice}")]
    Open {
        /// As named by the person.
        device: PathBuf,
        /// The reason.
        error: std::io::Error,
        /// What may help.
        advice: &'static str,
    },
    /// The person typed something else than the model.
    #[error("that is not its model, {0:?}: nothing was written")]
    NotConfirmed(String),
    /// Nobody can be asked.
    #[error("there is no terminal to ask on: confirm with --confirm {0:?}. Nothing was written")]
    NobodyToAsk(String),
    /// Writing began and did not end well.
    #[error("{error}. {device} has no partition table now and boots nothing: flash it again")]
    Write {
        /// As named by the person.
        device: PathBuf,
        /// The reason.
        error: write::WriteError,
    },
}
