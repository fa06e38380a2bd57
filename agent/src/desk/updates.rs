//! Updates: bundles that are handed in, what the repository offers, the restart into what was written, and the way back.

use std::fs::File;

use serde_json::Value;
use tayberry_core::request::problem::Problem;
use tayberry_core::request::status::EventKind;
use tayberry_core::request::update::{InstallWish, Piece, RestartWish, Updates};

use super::{Desk, Sender, json};

impl Desk {
    /// Where updates are.
    #[must_use]
    pub fn updates(&self) -> Updates {
        self.updates.look()
    }

    /// Takes a piece of a bundle from `file`.
    pub(super) async fn take(&self, sender: &Sender, piece: Piece, file: File) -> Result<Value, Problem> {
        if piece.offset == 0 {
            self.happened(EventKind::UpdateReceived, sender);
        }
        json(self.updates.receive(piece, file).await?)
    }

    pub(super) async fn roll_back(&self, sender: &Sender, wish: RestartWish) -> Result<Updates, Problem> {
        self.happened(EventKind::RollBack, sender);
        self.updates.roll_back(wish).await
    }

    pub(super) fn install_update(&self, sender: &Sender, wish: InstallWish) -> Result<Updates, Problem> {
        self.happened(EventKind::UpdateInstall, sender);
        self.updates.install(wish)
    }

    pub(super) async fn restart_into_update(
        &self,
        sender: &Sender,
        wish: RestartWish,
    ) -> Result<Updates, Problem> {
        self.happened(EventKind::UpdateRestart, sender);
        self.updates.restart(wish).await
    }
}
