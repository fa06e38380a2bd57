//! Asks the firmware model what a board would boot from the disk: from an SD card and from NVMe, on both steppings.

use std::fs::File;

use serde::Serialize;
use tayberry_firmware::{Board, Boot, LogLine, Medium, ResetState, Stepping, boot};
use tayberry_format::slot::Slot;

use crate::inspect::slots::BootFile;

/// What the firmware would do at power-on.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What the disk is attached to.
    pub medium: Medium,
    /// Stepping of the board.
    pub stepping: Stepping,
    /// The slot that boots; none when nothing boots.
    pub slot: Option<Slot>,
    /// The files that are loaded, in their order; empty when nothing boots.
    pub files: Vec<BootFile>,
    /// Files that the configuration names and the firmware carries on without.
    pub missing: Vec<String>,
    /// Why nothing boots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Each decision in one sentence.
    pub log: Vec<LogLine>,
}

impl Verdict {
    /// What the disk and the board are called.
    #[must_use]
    pub fn board(&self) -> String {
        let medium = match self.medium {
            Medium::Sd => "SD",
            Medium::Usb => "USB",
            Medium::Nvme => "NVMe",
        };
        format!("{medium} on {}", if self.stepping == Stepping::C1 { "C1" } else { "D0" })
    }

    /// Whether another board would do the same, for the same reasons.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let all = |verdict: &Self| (verdict.slot, verdict.files.clone(), verdict.log.clone());
        all(self) == all(other) && (&self.missing, &self.failure) == (&other.missing, &other.failure)
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let board = self.board();
        let missing = || format!("{board}: the slot lacks {}", self.missing.join(", "));
        match &self.failure {
            Some(failure) => Some(format!("{board}: {failure}")),
            None => (!self.missing.is_empty()).then(missing),
        }
    }
}

/// Asks for every board.
#[must_use]
pub fn ask(disk: &File) -> Vec<Verdict> {
    let boards = [Medium::Sd, Medium::Nvme]
        .into_iter()
        .flat_map(|medium| [Stepping::C1, Stepping::D0].map(|stepping| (medium, stepping)));
    boards.map(|(medium, stepping)| ask_for(disk, medium, stepping)).collect()
}

fn ask_for(disk: &File, medium: Medium, stepping: Stepping) -> Verdict {
    let board = Board { medium, stepping, ..Board::default() };
    let verdict =
        |slot, files, missing, failure, log| Verdict { medium, stepping, slot, files, missing, failure, log };
    match boot(disk, &board, &ResetState::default()) {
        Ok(boot) => verdict(boot.slot(), files(&boot), boot.missing, None, boot.log),
        Err(error) => verdict(None, Vec::new(), Vec::new(), Some(error.failure.to_string()), error.log),
    }
}

fn files(boot: &Boot) -> Vec<BootFile> {
    let overlays = boot.overlays.iter().map(|overlay| &overlay.file);
    std::iter::once(&boot.kernel)
        .chain(&boot.initramfs)
        .chain(std::iter::once(&boot.device_tree))
        .chain(overlays)
        .map(|file| BootFile { path: file.path.clone(), bytes: file.size })
        .collect()
}
