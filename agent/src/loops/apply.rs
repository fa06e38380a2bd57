//! Renders the configuration again whenever the state changes.

use std::convert::Infallible;

use crate::configure;
use crate::keeper::Keeper;

/// Applies every change. What cannot be applied now is at the next boot.
pub async fn run(keeper: &Keeper) -> Infallible {
    let mut changes = keeper.watch();
    loop {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let state = changes.borrow_and_update().clone();
        if let Err(error) = configure::apply(&state) {
            tracing::error!("{error}");
        }
    }
}
