//! Keeps `CLAIM.txt` on the config partition in step: it shows the code of a device without an owner, and forgets it.

use std::convert::Infallible;

use tayberry_core::card::{self, Card};
use tayberry_format::claim::FILE;
use tayberry_format::state::State;

use crate::device::{config_file, network};
use crate::keeper::Keeper;

/// Writes the file now and at every change of the state.
pub async fn run(disk: &str, keeper: &Keeper, fingerprint: &str) -> Infallible {
    let mut changes = keeper.watch();
    loop {
        let block = block(&changes.borrow_and_update(), fingerprint);
        let (disk, name) = (disk.to_owned(), FILE);
        let written = tokio::task::spawn_blocking(move || config_file::overwrite(&disk, name, &block)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{FILE}: {error}"),
            Err(error) => tracing::warn!("{FILE}: {error}"),
        }
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn block(state: &State, fingerprint: &str) -> [u8; tayberry_format::claim::BYTES] {
    let name = network::name();
    state.claim.as_ref().map_or_else(card::taken, |code| Card { name: &name, code, fingerprint }.file())
}
